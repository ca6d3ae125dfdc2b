// One record of a web server's log, in the Common or the Combined Log Format of Apache and nginx,
// as its fields. Lives as long as the line that it views.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace poetry::session {

enum class LogField {
  host,
  ident,
  user,
  time,
  method,
  path,
  protocol,
  status,
  bytes,
  referer,
  agent
};

/// By LogField, as clients see them.
inline constexpr std::array<std::string_view, 11> log_field_names{
    "host",     "ident",  "user",  "time",    "method", "path",
    "protocol", "status", "bytes", "referer", "agent"};

/// Fields as they stand in the log, backslash escapes included. Absent: where the log has "-",
/// protocol also after a request without one, referer and agent in the Common format. Status and
/// bytes are decimal digits that fit 64 bits.
struct LogRecord {
  std::array<std::optional<std::string_view>, log_field_names.size()> fields;

  [[nodiscard]] const std::optional<std::string_view>& operator[](LogField field) const {
    return fields[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::optional<std::string_view>& operator[](LogField field) {
    return fields[static_cast<std::size_t>(field)];
  }
};

/// Parses
///     host ident user [time] "request" status bytes
/// with `"referer" "agent"` behind it or nothing; one space stands between two fields. In quotes
/// a backslash and the character after it belong together, so that \" does not end the field. A
/// request is a method, a path and a protocol that begins with HTTP/; a method and a path that
/// begins with / (HTTP/0.9); or "-". For any other line the result is empty.
/// `line` comes without its newline.
std::optional<LogRecord> parse_log_record(std::string_view line);

}  // namespace poetry::session
