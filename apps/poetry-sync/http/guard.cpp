#include "http/guard.hpp"

#include <algorithm>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/split.hpp>
#include <utility>

#include "tcp/token.hpp"

namespace poetry::sync::http {
namespace {}  // namespace

Guard::Guard(const net::HostPort& where, const std::vector<std::string>& further, std::string token,
             bool guards_metrics)
    : token_(std::move(token)),
      cookie_name_("poetry_token_" + std::to_string(where.port) + "="),
      guards_metrics_(guards_metrics) {
  std::vector<std::string> names{where.host, "localhost", "127.0.0.1", "::1"};
  names.insert(names.end(), further.begin(), further.end());
  for (const auto& name : names) {
    hosts_.push_back(net::to_string(net::HostPort{name, where.port}));
    if (where.port == 80) hosts_.push_back(hosts_.back().substr(0, hosts_.back().rfind(':')));
  }
}

std::optional<Response> Guard::refuse(const Request& request) const {
  if (!request.is_framed)
    return problem(400, "Bad request", "Transfer-Encoding: chunked alone, without Content-Length");
  if (request.host.empty()) return problem(400, "Bad request", "one Host is needed");
  if (!knows(request.host)) return problem(421, "Misdirected request", "Host: " + request.host);
  constexpr std::string_view scheme = "http://";
  if (!request.origin.empty() &&
      (!request.origin.starts_with(scheme) || !knows(request.origin.substr(scheme.size())))) {
    return problem(403, "Forbidden", "Origin: " + request.origin);
  }
  const bool is_open =
      !guards_metrics_ && (request.path() == "/healthz" || request.path() == "/metrics");
  if (token_.empty() || is_open) return std::nullopt;
  return ask_for_token(request);
}

std::optional<Response> Guard::ask_for_token(const Request& request) const {
  if (has_token(request.target, "/?token=")) {
    return Response{
        .status = 303,
        .type = "text/plain",
        .fields = {{"Location", "/"},
                   {"Set-Cookie", cookie_name_ + token_ + "; Path=/; HttpOnly; SameSite=Strict"}}};
  }
  // The pairs "name=value; name=value" of a Cookie (RFC 6265).
  std::vector<std::string> pairs;
  boost::split(pairs, request.cookie, boost::is_any_of("; "));
  const auto has_it = [this](const std::string& pair) { return has_token(pair, cookie_name_); };
  if (has_token(request.authorization, "Bearer ") || std::ranges::any_of(pairs, has_it)) {
    return std::nullopt;
  }
  auto refusal = problem(401, "Unauthorized", "this server asks for its token");
  refusal.fields.emplace_back("WWW-Authenticate", "Bearer");
  return refusal;
}

bool Guard::has_token(std::string_view text, std::string_view before) const {
  return boost::istarts_with(text, before) &&
         tcp::is_same_secret(text.substr(before.size()), token_);
}

bool Guard::knows(std::string_view host) const {
  return std::ranges::any_of(
      hosts_, [host](const std::string& each) { return boost::iequals(host, each); });
}

}  // namespace poetry::sync::http
