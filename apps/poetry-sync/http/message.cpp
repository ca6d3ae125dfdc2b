#include "http/message.hpp"

#include <boost/json/object.hpp>

#include "base/json.hpp"
#include "base/shown_text.hpp"
#include "base/utf8.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::size_t longest_detail = 300;  // columns; what was sent may be long

}  // namespace

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
