#include "session/log_record.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <span>

namespace poetry::session {
namespace {

using Field = std::optional<std::string_view>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool are_digits(std::string_view text) { return std::ranges::all_of(text, is_digit); }

/// tchar of RFC 9110, section 5.6.2.
bool is_method(std::string_view text) {
  constexpr std::string_view tchars =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
  return !text.empty() && text.find_first_not_of(tchars) == std::string_view::npos;
}

/// "HTTP/1.1", and others' such as RTSP/1.0.
bool is_protocol(std::string_view text) {
  const auto slash = std::min(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), text.size());
  const auto version = text.substr(slash);
  return slash > 0 && version.size() > 1 && version.front() == '/' &&
         version.find_first_not_of("0123456789.", 1) == std::string_view::npos;
}

void set(Field& field, std::string_view text) {
  if (text != "-") field = text;
}

/// Behind the quote that ends what begins with a quote, where `fits` what follows; npos: nowhere.
template <typename Fits>
std::size_t find_end_of_quoted(std::string_view text, Fits fits) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"' && fits(text.substr(at + 1))) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

bool ends_field(std::string_view rest) { return rest.empty() || rest.front() == ' '; }

/// Fields between spaces; what is in quotes is one.
std::vector<std::string_view> split_fields(std::string_view text) {
  std::vector<std::string_view> fields;
  while (!text.empty()) {
    const auto end = std::min(
        text.front() == '"' ? find_end_of_quoted(text, ends_field) : text.find(' '), text.size());
    if (end > 0) fields.push_back(text.substr(0, end));
    text.remove_prefix(std::max<std::size_t>(end, 1));
  }
  return fields;
}

std::string_view unquoted(std::string_view field) { return field.substr(1, field.size() - 2); }

bool is_quoted(std::string_view field) {
  return field.size() >= 2 && field.front() == '"' && field.back() == '"';
}

/// As text, also of a link's own with its zone, and with the comma of a list.
bool is_ip_address(std::string_view text) {
  if (text.ends_with(',')) text.remove_suffix(1);
  const std::string address(text.substr(0, text.find('%')));
  in6_addr buffer{};
  return ::inet_pton(AF_INET, address.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), &buffer) == 1;
}

bool has_port(std::string_view text) {
  const auto colon = text.rfind(':');
  return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() &&
         are_digits(text.substr(colon + 1)) && !is_ip_address(text);
}

/// Where the host is among what stands before the time.
std::size_t find_host(std::span<const std::string_view> fields) {
  const auto address =
      static_cast<std::size_t>(std::ranges::find_if(fields, is_ip_address) - fields.begin());
  if (address == 0 && fields.size() == 4 && !fields[0].ends_with(',') && is_ip_address(fields[1]))
    return 1;
  if (address + 1 < fields.size() || (address == 0 && fields.size() == 1)) return address;
  if (fields.size() < 4) return 0;
  return has_port(fields[0]) || (fields[1] != "-" && fields[2] == "-") ? 1 : 0;
}

bool parse_client(std::string_view text, LogRecord& record) {
  const auto fields = split_fields(text);
  if (fields.empty()) return false;
  const auto first = find_host(fields);
  if (first == 1) {
    set(record[LogField::vhost], fields[0]);
  } else {
    record.extra.insert(record.extra.end(), fields.begin(),
                        fields.begin() + static_cast<std::ptrdiff_t>(first));
  }
  auto last = first;  // of several hosts, which proxies tell as a list
  while (last + 1 < fields.size() && fields[last].ends_with(',')) ++last;
  const auto between = [](std::string_view front, std::string_view back) {
    return std::string_view(front.data(),
                            static_cast<std::size_t>(back.data() + back.size() - front.data()));
  };
  set(record[LogField::host], between(fields[first], fields[last]));
  if (last + 1 < fields.size()) set(record[LogField::ident], fields[last + 1]);
  if (last + 2 < fields.size())
    set(record[LogField::user], between(fields[last + 2], fields.back()));
  return true;
}

bool is_status(std::string_view text) {
  return text == "-" || (text.size() == 3 && are_digits(text));
}

/// -1 is what a server says that does not know.
bool is_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  return text == "-" || text == "-1" || (error == std::errc{} && end == text.data() + text.size());
}

/// Takes status and size off the front.
bool take_outcome(std::string_view& text, LogRecord& record) {
  const auto next = [&text] {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const auto field = text.substr(0, text.find(' '));
    text.remove_prefix(field.size());
    return field;
  };
  const auto status = next();
  const auto bytes = next();
  if (!is_status(status) || !is_size(bytes)) return false;
  set(record[LogField::status], status);
  if (bytes != "-1") set(record[LogField::bytes], bytes);
  return true;
}

void parse_rest(std::string_view text, LogRecord& record) {
  const auto fields = split_fields(text);
  const auto both = std::ranges::adjacent_find(
      fields, [](auto one, auto other) { return is_quoted(one) && is_quoted(other); });
  for (auto at = fields.begin(); at != fields.end(); ++at) {
    if (at == both) {
      set(record[LogField::referer], unquoted(*at));
      set(record[LogField::agent], unquoted(*++at));
    } else {
      record.extra.push_back(*at);
    }
  }
}

/// What stands behind the time.
bool parse_answer(std::string_view text, LogRecord& record) {
  const auto begin = text.find('"');
  if (begin == std::string_view::npos) return false;
  const auto between = split_fields(text.substr(0, begin));
  record.extra.insert(record.extra.end(), between.begin(), between.end());
  text.remove_prefix(begin);
  std::string_view rest;
  const auto fits = [&](std::string_view behind) {
    rest = behind;
    return rest.starts_with(' ') && take_outcome(rest, record);
  };
  const auto end = find_end_of_quoted(text, fits);
  if (end == std::string_view::npos) return false;
  const auto request = unquoted(text.substr(0, end));
  if (request != "-" && !parse_request(request, record)) record[LogField::request] = request;
  parse_rest(rest, record);
  return true;
}

/// Tries each text in brackets as the time; those that begin with a digit first, since a user may
/// be called anything.
std::optional<LogRecord> parse_around_time(std::string_view line, bool with_digit) {
  for (auto at = line.find('['); at != std::string_view::npos; at = line.find('[', at + 1)) {
    const auto end = line.find(']', at);
    if (end == std::string_view::npos) return {};
    const auto time = line.substr(at + 1, end - at - 1);
    if (time.empty() || is_digit(time.front()) != with_digit) continue;
    LogRecord record;
    set(record[LogField::time], time);
    if (parse_client(line.substr(0, at), record) && parse_answer(line.substr(end + 1), record))
      return record;
  }
  return {};
}

}  // namespace

bool parse_request(std::string_view request, LogRecord& record) {
  const auto first = request.find(' ');
  if (first == std::string_view::npos || !is_method(request.substr(0, first))) return false;
  auto path = request.substr(first + 1);
  // A path with a space in it is a client's error that servers log as it came.
  const auto last = path.rfind(' ');
  if (last != std::string_view::npos && last > 0 && is_protocol(path.substr(last + 1))) {
    record[LogField::protocol] = path.substr(last + 1);
    path = path.substr(0, last);
  } else if (last != std::string_view::npos || (!path.starts_with('/') && path != "*")) {
    return false;
  }
  record[LogField::method] = request.substr(0, first);
  record[LogField::path] = path;
  return true;
}

std::optional<LogRecord> parse_log_record(std::string_view line) {
  auto record = parse_around_time(line, true);
  return record ? record : parse_around_time(line, false);
}

}  // namespace poetry::session
