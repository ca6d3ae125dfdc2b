// One record of a web server's log as its fields: the Common and the Combined Log Format of Apache
// and nginx, whatever stands around them, and objects of JSON. Lives as long as the line that it
// views.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace poetry::session {

enum class LogField {
  vhost,
  host,
  ident,
  user,
  time,
  method,
  path,
  protocol,
  request,
  status,
  bytes,
  referer,
  agent
};

/// By LogField, as clients see them.
inline constexpr std::array<std::string_view, 13> log_field_names{
    "vhost",    "host",    "ident",  "user",  "time",    "method", "path",
    "protocol", "request", "status", "bytes", "referer", "agent"};
/// Of what stands around the fields.
inline constexpr std::string_view extra_name = "extra";

/// Fields as they stand in the log, backslash escapes included. Absent: where the log has "-",
/// protocol also after a request without one, referer and agent in the Common format. Status and
/// bytes are decimal digits that fit 64 bits. A request that is not HTTP's is whole in `request`.
struct LogRecord {
  std::array<std::optional<std::string_view>, log_field_names.size()> fields;
  std::vector<std::string_view> extra;  ///< the other fields in their order, quotes included

  [[nodiscard]] const std::optional<std::string_view>& operator[](LogField field) const {
    return fields[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::optional<std::string_view>& operator[](LogField field) {
    return fields[static_cast<std::size_t>(field)];
  }
};

/// Finds the blocks
///     host ident user [time]   "request" status bytes   "referer" "agent"
/// of which the last may be missing, separated by spaces. A user may have spaces in it, or be
/// missing; a single field before the host is its vhost; other fields before, between and behind
/// the blocks are extra. In quotes a backslash and the character after it belong together, so that
/// \" does not end the field; a quote that is not escaped ends a request only before a status and a
/// size. For any other line the result is empty. `line` comes without its newline.
std::optional<LogRecord> parse_log_record(std::string_view line);

/// The object that a line of JSON is (nginx's escape=json, Caddy, Traefik): what they call by other
/// names goes by those of LogField, numbers as numbers, before the rest as it is. Empty where the
/// line is no object.
std::optional<boost::json::object> parse_json_record(std::string_view line);

/// Splits "GET / HTTP/1.1"; false where it is not of this form.
bool parse_request(std::string_view request, LogRecord& record);

}  // namespace poetry::session
