// Whether a request may be answered at all: where it comes for, from which page, with which token.
// Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"
#include "net/address.hpp"

namespace poetry::sync::http {

class Guard {
 public:
  /// Of a server at this place. Requests may come for its host, this machine and the further names,
  /// with the port where it is not 80. No token: none is asked for, as for /healthz and /metrics
  /// unless these are guarded, too.
  Guard(const net::HostPort& where, const std::vector<std::string>& further, std::string token,
        bool guards_metrics);

  /// Why it is refused, of which the body need not have come: 400 without a Host or a clear end,
  /// 421 for another host (against DNS rebinding), 403 for another page's, 401 without the token.
  /// With the token in the query of "/", as a person opens the page, it is sent there without, and
  /// the token kept in a cookie. Nothing where it may be answered.
  [[nodiscard]] std::optional<Response> refuse(const Request& request) const;

 private:
  [[nodiscard]] std::optional<Response> ask_for_token(const Request& request) const;
  /// Whether the text is this, and the token behind it.
  [[nodiscard]] bool has_token(std::string_view text, std::string_view before) const;
  [[nodiscard]] bool knows(std::string_view host) const;

  std::vector<std::string> hosts_;  // with their ports
  std::string token_;
  std::string cookie_name_;  // with the port, since browsers send cookies to all ports of a host
  bool guards_metrics_;
};

}  // namespace poetry::sync::http
