#include "http/message.hpp"

#include <algorithm>
#include <boost/json/object.hpp>

#include "base/json.hpp"
#include "base/sha256.hpp"
#include "base/shown_text.hpp"
#include "base/utf8.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::size_t longest_detail = 300;  // columns; what was sent may be long

}  // namespace

std::optional<std::string> form_value(std::string_view form, std::string_view key) {
  while (!form.empty()) {
    const auto pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(pair.size() + 1, form.size()));
    if (!pair.starts_with(key) || pair.substr(key.size(), 1) != "=") continue;
    std::string value;
    for (auto at = key.size() + 1; at < pair.size(); ++at) {
      const auto byte = pair[at] == '%' ? base::parse_hex(pair.substr(at + 1, 2)) : std::nullopt;
      value += pair[at] == '+' ? " " : byte && !byte->empty() ? *byte : std::string(1, pair[at]);
      if (byte && !byte->empty()) at += 2;
    }
    return value;
  }
  return std::nullopt;
}

Response problem(unsigned status, std::string_view title, std::string_view detail) {
  boost::json::object document{{"type", "about:blank"}, {"title", title}, {"status", status}};
  const auto shown = base::shortened(base::shown_text(detail), longest_detail, U'…');
  if (!shown.empty()) document.emplace("detail", base::to_utf8(shown));
  return {.status = status, .type = "application/problem+json", .body = base::json_text(document)};
}

Response method_not_allowed(const std::string& methods) {
  auto response = problem(405, "Method not allowed", "allowed: " + methods);
  response.fields.emplace_back("Allow", methods);
  return response;
}

}  // namespace poetry::sync::http
