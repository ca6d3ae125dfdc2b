// The HTTP API without any HTTP library: a request's parts in, a response's out. Stateless beside
// the store; its calls block on the database, so they run in threads of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/hub.hpp"
#include "store/store.hpp"

namespace poetry {

struct Request {
  std::string method;
  std::string target;  ///< path and query, as sent
  std::string content_type;
  std::string body;
};

struct Response {
  unsigned status = 200;
  std::string type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> fields = {};  ///< further header fields
  /// The next piece of a body that is too large for one, empty at its end. It blocks, and raises.
  std::function<std::string()> more = {};
};

/// A problem document (RFC 9457).
Response problem(unsigned status, std::string_view title, std::string_view detail = "");

class Api {
 public:
  Api(Store& store, Hub& hub) : store_(store), hub_(hub) {}

  /// Answers a request below /api/, /healthz or /metrics. Never raises.
  Response answer(const Request& request);

 private:
  Response route(const Request& request);
  Response records(const Request& request, const std::vector<std::string>& path);
  Response jobs(const Request& request, const std::vector<std::string>& path,
                std::string_view query);
  Response record_text(Id record);
  Response job_log(Id job);
  Response metrics();

  Store& store_;
  Hub& hub_;
};

}  // namespace poetry
