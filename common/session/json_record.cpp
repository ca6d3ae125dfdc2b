// Records that are objects of JSON, of servers that each have their own names.
#include <boost/json/parse.hpp>
#include <charconv>

#include "base/utf8.hpp"
#include "session/log_record.hpp"

namespace poetry::session {
namespace {

using boost::json::object;
using boost::json::value;

/// Where a field may be, by the names of nginx's variables, Caddy, Traefik and Apache's modules; a
/// member of a member is written with a slash. The first that is there counts.
struct Names {
  LogField field;
  std::vector<std::string_view> paths;
};
const std::vector<Names> known_names{
    {LogField::vhost, {"vhost", "server_name", "http_host", "RequestHost", "request/host"}},
    {LogField::host,
     {"remote_addr", "ClientHost", "client_ip", "remote_ip", "clientip", "request/client_ip",
      "request/remote_ip", "remoteIP", "host"}},
    {LogField::user, {"remote_user", "ClientUsername", "user_id", "user"}},
    {LogField::time,
     {"time_local", "time_iso8601", "StartUTC", "@timestamp", "timestamp", "time", "ts"}},
    {LogField::method, {"request_method", "RequestMethod", "request/method", "method", "verb"}},
    {LogField::path, {"request_uri", "RequestPath", "request/uri", "uri", "path", "url"}},
    {LogField::protocol,
     {"server_protocol", "RequestProtocol", "request/proto", "protocol", "httpversion"}},
    {LogField::status, {"status", "DownstreamStatus", "status_code", "response"}},
    {LogField::bytes,
     {"body_bytes_sent", "DownstreamContentSize", "bytes_sent", "bytes", "size", "bytes_out"}},
    {LogField::referer,
     {"http_referer", "request_Referer", "request/headers/Referer", "referer", "referrer"}},
    {LogField::agent,
     {"http_user_agent", "request_User-Agent", "request/headers/User-Agent", "user_agent",
      "agent"}}};

/// The member at a path; of a list, which headers are, the first.
const value* find(const object& record, std::string_view path) {
  const auto slash = path.find('/');
  const auto* member = record.if_contains(path.substr(0, slash));
  if (member == nullptr) return nullptr;
  if (slash != std::string_view::npos) {
    const auto* inner = member->if_object();
    return inner == nullptr ? nullptr : find(*inner, path.substr(slash + 1));
  }
  const auto* list = member->if_array();
  return list == nullptr ? member : list->if_contains(0);
}

/// A number that is written as text, too.
value as_number(const value& given) {
  const auto* text = given.if_string();
  std::uint64_t number = 0;
  if (text == nullptr) return given;
  const auto [end, error] = std::from_chars(text->begin(), text->end(), number);
  return error == std::errc{} && end == text->end() ? value(number) : given;
}

bool says_something(const value& given) {
  const auto* text = given.if_string();
  return text == nullptr ? !given.is_null() && !given.is_object() : !text->empty() && *text != "-";
}

void take(object& from, object& to, const Names& names) {
  const auto name = log_field_names[static_cast<std::size_t>(names.field)];
  for (const auto path : names.paths) {
    const auto* found = find(from, path);
    if (found == nullptr) continue;
    const bool is_number = names.field == LogField::status || names.field == LogField::bytes;
    if (says_something(*found)) {
      if (to.contains(name)) return;
      to[name] = is_number ? as_number(*found) : *found;
    }
    from.erase(path);  // does nothing for a member's member, which stays beside its siblings
    return;
  }
}

void take_request(object& from, object& to) {
  const auto* member = from.if_contains("request");
  const auto* request = member == nullptr ? nullptr : member->if_string();
  LogRecord parts;
  if (request == nullptr || !parse_request({request->data(), request->size()}, parts)) return;
  for (const auto field : {LogField::method, LogField::path, LogField::protocol})
    if (parts[field]) to[log_field_names[static_cast<std::size_t>(field)]] = *parts[field];
  from.erase("request");
}

}  // namespace

std::optional<object> parse_json_record(std::string_view line) {
  if (!line.starts_with('{') || !line.ends_with('}')) return {};
  boost::system::error_code error;
  auto parsed = boost::json::parse(base::to_xml_characters(line), error);
  if (error || !parsed.is_object()) return {};
  auto& given = parsed.get_object();
  object record;
  for (const auto& names : known_names) {
    if (names.field == LogField::method) take_request(given, record);
    take(given, record, names);
  }
  // What some call the host is the server's, where the client goes by another name.
  if (auto* host = given.if_contains("host"); host != nullptr && !record.contains("vhost")) {
    record["vhost"] = *host;
    given.erase("host");
  }
  for (const auto& [name, member] : given) record.emplace(name, member);
  return record;
}

}  // namespace poetry::session
