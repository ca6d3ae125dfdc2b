#include "http/guard.hpp"

#include <sys/random.h>

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/regex.hpp>
#include <chrono>
#include <cstdlib>

#include "base/error.hpp"
#include "base/sha256.hpp"
#include "page/assets.hpp"
#include "tcp/token.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::int64_t session_seconds = std::int64_t{12} * 60 * 60;  // from when it is used last
constexpr std::int64_t renewed_after = 60 * 60;
constexpr std::string_view login_query = "/?token=";

std::int64_t seconds_now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

/// Whether only this machine has a host of that name, so that no other page can be of it.
bool is_loopback_host(const std::string& host) {
  static const boost::regex local(R"((localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?)",
                                  boost::regex::icase);
  return boost::regex_match(host, local);
}

}  // namespace

PublicUrl parse_public_url(std::string_view text) {
  static const boost::regex form("(https?)://([^/?#@\\s]+)((/[^/?#\\s]+)*)/?", boost::regex::icase);
  boost::cmatch parts;
  if (!boost::regex_match(text.data(), text.data() + text.size(), parts, form))
    throw base::UsageError("not http[s]://HOST[:PORT][/PATH]", text);
  return {boost::algorithm::to_lower_copy(parts.str(1) + "://" + parts.str(2)), parts.str(3)};
}

Guard::Guard(const net::HostPort& where, const WebOptions& options)
    : url_(options.url),
      token_(options.token),
      cookie_name_("poetry_session_" + std::to_string(where.port) + "="),
      guards_metrics_(options.metrics_token) {
  std::vector<std::string> names{where.host, "localhost", "127.0.0.1", "::1"};
  names.insert(names.end(), options.hosts.begin(), options.hosts.end());
  for (const auto& name : names) {
    hosts_.push_back(net::to_string(net::HostPort{name, where.port}));
    if (where.port == 80) hosts_.push_back(hosts_.back().substr(0, hosts_.back().rfind(':')));
  }
  if (::getrandom(key_.data(), key_.size(), 0) < 0) base::throw_errno("draw", "a key of sessions");
}

void Guard::take_prefix(Request& request) const {
  const auto rest = request.target.substr(std::min(url_.path.size(), request.target.size()));
  if (request.target.starts_with(url_.path) && rest.starts_with('/')) request.target = rest;
}

std::optional<Response> Guard::refuse(const Request& request) const {
  if (!request.is_framed)
    return problem(400, "Bad request", "Transfer-Encoding: chunked alone, without Content-Length");
  if (request.host.empty()) return problem(400, "Bad request", "one Host is needed");
  const auto& host = request.host;
  const auto& origin = request.origin;
  const bool is_local = is_loopback_host(host);
  // A proxy may pass on the name alone.
  const auto authority =
      url_.origin.substr(std::min(url_.origin.find("://") + 3, url_.origin.size()));
  const bool is_public = !authority.empty() && (boost::iequals(host, authority) ||
                                                boost::istarts_with(authority, host + ":"));
  if (!is_local && !is_public && !knows(host))
    return problem(421, "Misdirected request", "Host: " + host);
  const bool agrees =
      origin.empty() || boost::iequals(origin, url_.origin) ||
      (origin.starts_with("http://") && knows(std::string_view(origin).substr(7))) ||
      (is_local && (origin == "http://" + host || origin == "https://" + host));
  if (!agrees) return problem(403, "Forbidden", "Origin: " + origin);
  if (!url_.path.empty() && request.path() == url_.path) {  // so that the page's links are below it
    return Response{.status = 308, .fields = {{"Location", "/"}}};
  }
  if (is_trusted(request)) return std::nullopt;
  return log_in(request, request.target.starts_with(login_query)
                             ? request.target.substr(login_query.size())
                             : "");
}

bool Guard::is_trusted(const Request& request) const {
  const auto path = request.path();
  const bool is_probe = path == "/healthz" || path == "/metrics";
  constexpr std::string_view bearer = "Bearer ";
  return token_.empty() || (is_probe && !guards_metrics_) ||
         (path == "/login" && request.method == "POST") ||
         (boost::istarts_with(request.authorization, bearer) &&
          tcp::is_same_secret(request.authorization.substr(bearer.size()), token_)) ||
         (session_left(request) > 0 && !request.target.starts_with(login_query));
}

Response Guard::log_in(const Request& request, const std::string& token) const {
  if (tcp::is_same_secret(token, token_)) {
    return {.status = 303,
            .type = "text/plain",
            .fields = {{"Location", "/"}, {"Set-Cookie", new_cookie()}}};
  }
  auto refusal = problem(401, "Unauthorized", "this server asks for its token");
  refusal.fields.emplace_back("WWW-Authenticate", "Bearer");
  if (request.accept.find("text/html") != std::string::npos) {
    const auto form = std::ranges::find(page::assets(), "/login.html", &page::Asset::path);
    refusal.type = form->type;
    refusal.body = form->bytes;
    refusal.fields.emplace_back("Referrer-Policy", "same-origin");  // or its Origin would be null
  }
  return refusal;
}

std::int64_t Guard::session_left(const Request& request) const {
  // The pairs "name=value; name=value" of a Cookie (RFC 6265).
  std::vector<std::string> pairs;
  boost::split(pairs, request.cookie, boost::is_any_of("; "));
  for (const auto& pair : pairs) {
    if (!pair.starts_with(cookie_name_)) continue;
    const auto session = pair.substr(cookie_name_.size());
    const auto until = std::strtoll(session.c_str(), nullptr, 10);
    const auto left = until - seconds_now();
    if (left > 0 && tcp::is_same_secret(session, session_until(until))) return left;
  }
  return 0;
}

std::string Guard::session_until(std::int64_t time) const {
  const auto text = std::to_string(time);
  return text + "." + base::to_hex(base::hmac_sha256({key_.data(), key_.size()}, text));
}

std::string Guard::new_cookie() const {
  return cookie_name_ + session_until(seconds_now() + session_seconds) +
         "; Max-Age=" + std::to_string(session_seconds) + "; Path=" + url_.path +
         "/; HttpOnly; SameSite=Strict" + (url_.origin.starts_with("https") ? "; Secure" : "");
}

std::string Guard::renewal(const Request& request) const {
  const auto left = session_left(request);
  return left > 0 && left < session_seconds - renewed_after ? new_cookie() : "";
}

bool Guard::knows(std::string_view host) const {
  return std::ranges::any_of(
      hosts_, [host](const std::string& each) { return boost::iequals(host, each); });
}

}  // namespace poetry::sync::http
