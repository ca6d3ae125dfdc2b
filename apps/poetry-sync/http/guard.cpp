#include "http/guard.hpp"

#include <algorithm>
#include <cctype>

#include "net/address.hpp"
#include "tcp/token.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::string_view cookie_name = "poetry_token=";

}  // namespace

std::vector<std::string> hosts_at(const std::string& host, std::uint16_t port,
                                  const std::vector<std::string>& further) {
  std::vector<std::string> names{host, "localhost", "127.0.0.1", "::1"};
  names.insert(names.end(), further.begin(), further.end());
  std::vector<std::string> hosts;
  for (const auto& name : names) {
    const net::HostPort where{name, port};
    hosts.push_back(net::to_string(where));
    if (port == 80) hosts.push_back(hosts.back().substr(0, hosts.back().rfind(':')));
  }
  return hosts;
}

std::optional<Response> Guard::refuse(const Request& request) const {
  if (request.host.empty()) return problem(400, "Bad request", "one Host is needed");
  if (!knows(request.host)) return problem(421, "Misdirected request", "Host: " + request.host);
  constexpr std::string_view scheme = "http://";
  if (!request.origin.empty() &&
      (!request.origin.starts_with(scheme) || !knows(request.origin.substr(scheme.size())))) {
    return problem(403, "Forbidden", "Origin: " + request.origin);
  }
  if (token_.empty()) return std::nullopt;
  return ask_for_token(request);
}

std::optional<Response> Guard::ask_for_token(const Request& request) const {
  constexpr std::string_view opened = "/?token=";
  if (request.target.starts_with(opened) &&
      tcp::is_same_secret(std::string_view(request.target).substr(opened.size()), token_)) {
    Response there{.status = 303, .type = "text/plain", .body = ""};
    there.fields.emplace_back("Location", "/");
    there.fields.emplace_back(
        "Set-Cookie", std::string(cookie_name) + token_ + "; Path=/; HttpOnly; SameSite=Strict");
    return there;
  }
  constexpr std::string_view bearer = "Bearer ";
  if (request.authorization.starts_with(bearer) &&
      tcp::is_same_secret(std::string_view(request.authorization).substr(bearer.size()), token_)) {
    return std::nullopt;
  }
  if (has_token(request.cookie)) return std::nullopt;
  auto refusal = problem(401, "Unauthorized", "this server asks for its token");
  refusal.fields.emplace_back("WWW-Authenticate", "Bearer");
  return refusal;
}

/// Among the pairs "name=value; name=value" of a Cookie (RFC 6265).
bool Guard::has_token(std::string_view cookie) const {
  while (!cookie.empty()) {
    const auto end = std::min(cookie.find(';'), cookie.size());
    auto pair = cookie.substr(0, end);
    cookie.remove_prefix(std::min(end + 1, cookie.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.starts_with(cookie_name) &&
        tcp::is_same_secret(pair.substr(cookie_name.size()), token_)) {
      return true;
    }
  }
  return false;
}

bool Guard::knows(std::string_view host) const {
  const auto is_it = [host](const std::string& each) {
    return std::equal(host.begin(), host.end(), each.begin(), each.end(), [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) ==
             std::tolower(static_cast<unsigned char>(b));
    });
  };
  return std::any_of(hosts_.begin(), hosts_.end(), is_it);
}

}  // namespace poetry::sync::http
