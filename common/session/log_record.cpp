#include "session/log_record.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace poetry::session {
namespace {

using Field = std::optional<std::string_view>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// tchar of RFC 9110, section 5.6.2, of which methods are made.
bool is_method_character(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_method(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_method_character);
}

/// Takes a line apart from its front; each function is false where the line does not go on so. A
/// field that is "-" is left absent.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Up to a space or the end; at least a character.
  bool token(Field& field) { return take(std::min(rest_.find(' '), rest_.size()), field); }
  bool bracketed(Field& field) { return skip('[') && take(rest_.find(']'), field) && skip(']'); }
  bool quoted(Field& field) {
    if (!skip('"')) return false;
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return false;
    set(field, rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return true;
  }

 private:
  static void set(Field& field, std::string_view text) {
    if (text != "-") field = text;
  }
  bool take(std::size_t size, Field& field) {
    if (size == 0 || size == std::string_view::npos) return false;
    set(field, rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
};

bool parse_request(std::string_view request, LogRecord& record) {
  const auto first = request.find(' ');
  if (first == std::string_view::npos || !is_method(request.substr(0, first))) return false;
  auto path = request.substr(first + 1);
  // A path with a space in it is a client's error that servers log as it came.
  const auto last = path.rfind(' ');
  if (last != std::string_view::npos) {
    const auto protocol = path.substr(last + 1);
    if (!protocol.starts_with("HTTP/") || protocol == "HTTP/" || last == 0) return false;
    record[LogField::protocol] = protocol;
    path = path.substr(0, last);
  } else if (!path.starts_with('/')) {
    return false;
  }
  record[LogField::method] = request.substr(0, first);
  record[LogField::path] = path;
  return true;
}

bool is_status(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<LogRecord> parse_log_record(std::string_view line) {
  Cursor at(line);
  LogRecord record;
  Field request;
  auto& status = record[LogField::status];
  auto& bytes = record[LogField::bytes];
  const bool common = at.token(record[LogField::host]) && at.skip(' ') &&
                      at.token(record[LogField::ident]) && at.skip(' ') &&
                      at.token(record[LogField::user]) && at.skip(' ') &&
                      at.bracketed(record[LogField::time]) && at.skip(' ') && at.quoted(request) &&
                      at.skip(' ') && at.token(status) && at.skip(' ') && at.token(bytes);
  if (!common || (status && !is_status(*status)) || (bytes && !is_size(*bytes))) return {};
  const bool whole =
      at.at_end() || (at.skip(' ') && at.quoted(record[LogField::referer]) && at.skip(' ') &&
                      at.quoted(record[LogField::agent]) && at.at_end());
  if (!whole || (request && !parse_request(*request, record))) return {};
  return record;
}

}  // namespace poetry::session
