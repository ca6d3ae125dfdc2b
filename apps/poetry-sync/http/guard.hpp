// Whether a request may be answered at all: where it comes for, from which page, with which token.
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.hpp"

namespace poetry::sync::http {

/// Names under which a server at this address may be asked for, with a port where it is not 80.
std::vector<std::string> hosts_at(const std::string& host, std::uint16_t port,
                                  const std::vector<std::string>& further);

class Guard {
 public:
  /// `hosts` are all that a request may come for, with a port where it is not 80. No token: none is
  /// asked for.
  Guard(std::vector<std::string> hosts, std::string token)
      : hosts_(std::move(hosts)), token_(std::move(token)) {}

  /// Why it is refused, of which the body need not have come: 400 without a Host, 421 for another
  /// host (against DNS rebinding), 403 for another page's, 401 without the token. With the token in
  /// the query of "/", as a person opens the page, it is sent there without, and the token kept in
  /// a cookie. Nothing where it may be answered.
  [[nodiscard]] std::optional<Response> refuse(const Request& request) const;

 private:
  [[nodiscard]] std::optional<Response> ask_for_token(const Request& request) const;
  /// Whether the text is this, and the token behind it.
  [[nodiscard]] bool has_token(std::string_view text, std::string_view before) const;
  [[nodiscard]] bool has_token_cookie(std::string_view cookie) const;
  [[nodiscard]] bool knows(std::string_view host) const;

  std::vector<std::string> hosts_;
  std::string token_;
};

}  // namespace poetry::sync::http
