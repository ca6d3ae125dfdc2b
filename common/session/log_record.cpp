#include "session/log_record.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace poetry::session {
namespace {

using Field = std::optional<std::string_view>;

Field present(std::string_view text) { return text == "-" ? Field{} : Field{text}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// tchar of RFC 9110, section 5.6.2, of which methods are made.
bool is_method_character(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_method(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_method_character);
}

/// Takes a line apart from its front; each function is false where the line does not go on so.
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
  bool token(std::string_view& text) { return take(std::min(rest_.find(' '), rest_.size()), text); }
  bool bracketed(std::string_view& text) {
    return skip('[') && take(rest_.find(']'), text) && skip(']');
  }
  bool quoted(std::string_view& text) {
    if (!skip('"')) return false;
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return false;
    text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }

 private:
  bool take(std::size_t size, std::string_view& text) {
    if (size == 0 || size == std::string_view::npos) return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
};

bool parse_request(std::string_view request, LogRecord& record) {
  if (request == "-") return true;
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
  return text == "-" || (text.size() == 3 && std::all_of(text.begin(), text.end(), is_digit));
}

bool is_size(std::string_view text) {
  if (text == "-") return true;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<LogRecord> parse_log_record(std::string_view line) {
  Cursor at(line);
  std::string_view host;
  std::string_view ident;
  std::string_view user;
  std::string_view time;
  std::string_view request;
  std::string_view status;
  std::string_view bytes;
  std::string_view referer = "-";
  std::string_view agent = "-";
  const bool common = at.token(host) && at.skip(' ') && at.token(ident) && at.skip(' ') &&
                      at.token(user) && at.skip(' ') && at.bracketed(time) && at.skip(' ') &&
                      at.quoted(request) && at.skip(' ') && at.token(status) && at.skip(' ') &&
                      at.token(bytes);
  if (!common || !is_status(status) || !is_size(bytes)) return {};
  const bool whole = at.at_end() || (at.skip(' ') && at.quoted(referer) && at.skip(' ') &&
                                     at.quoted(agent) && at.at_end());
  if (!whole) return {};
  LogRecord record;
  if (!parse_request(request, record)) return {};
  record[LogField::host] = present(host);
  record[LogField::ident] = present(ident);
  record[LogField::user] = present(user);
  record[LogField::time] = present(time);
  record[LogField::status] = present(status);
  record[LogField::bytes] = present(bytes);
  record[LogField::referer] = present(referer);
  record[LogField::agent] = present(agent);
  return record;
}

}  // namespace poetry::session
