// Requests and responses without any HTTP library: what the guard, the API and the page's files are
// asked, and what they answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace poetry::sync::http {

struct Request {
  std::string method;
  std::string target;  ///< path and query, as sent
  std::string host;    ///< Host; empty where there is none, or several
  std::string origin;
  std::string authorization;
  std::string cookie;
  std::string accept;
  std::string content_type;
  std::string if_none_match;
  std::string last_event_id;  ///< Last-Event-ID (HTML Standard, 9.2)
  bool is_framed = true;      ///< where it ends is said in a way that all understand alike
  std::string body = {};

  /// The target without its query.
  [[nodiscard]] std::string_view path() const {
    return std::string_view(target).substr(0, target.find('?'));
  }
};

struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body = {};
  std::shared_ptr<const std::string> shared = {};                ///< a body in place of the other
  std::vector<std::pair<std::string, std::string>> fields = {};  ///< further header fields
  /// The next piece of a body that is too large for one, empty at its end. It blocks, and raises.
  std::function<std::string()> more = {};
};

/// The value of KEY in a query, or a body of the same form (application/x-www-form-urlencoded, URL
/// Standard, 5.1); none where it is not there.
std::optional<std::string> form_value(std::string_view form, std::string_view key);

/// A problem document (RFC 9457).
Response problem(unsigned status, std::string_view title, std::string_view detail = "");

/// 405, where a request's method is none of these: "GET, HEAD".
Response method_not_allowed(const std::string& methods);

}  // namespace poetry::sync::http
