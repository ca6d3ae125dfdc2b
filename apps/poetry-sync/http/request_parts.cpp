#include "http/request_parts.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/json/parse.hpp>

#include "base/error.hpp"
#include "base/quantity.hpp"

namespace poetry::sync::http {
namespace {

constexpr unsigned deepest_json = 8;

bool is_json(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  type = type.substr(0, type.find_last_not_of(" \t") + 1);
  return boost::iequals(type, "application/json");
}

}  // namespace

void fail(unsigned status, std::string_view title, std::string_view detail) {
  throw Problem{problem(status, title, detail)};
}

std::vector<std::string> split_path(std::string_view path) {
  if (!path.starts_with('/')) fail(400, "Bad request", "the target must be a path");
  std::vector<std::string> parts;
  boost::split(parts, path.substr(1), [](char each) { return each == '/'; });
  return parts;
}

store::Id id_in_path(const std::string& text) {
  try {
    return store::parse_id(text);
  } catch (const base::UsageError&) {
    fail(404, "Not found", "no id: " + text);
  }
}

std::int64_t number_in_query(const Request& request, std::string_view key) {
  auto query = std::string_view(request.target).substr(request.path().size());
  while (!query.empty()) {
    query.remove_prefix(1);  // ? or &
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(pair.size());
    if (!pair.starts_with(key) || pair.substr(key.size(), 1) != "=") continue;
    try {
      return static_cast<std::int64_t>(
          base::parse_count(pair.substr(key.size() + 1), key, 0, INT64_MAX));
    } catch (const base::UsageError& error) {
      fail(400, "Bad query", error.what());
    }
  }
  return 0;
}

boost::json::object body_of(const Request& request) {
  if (!is_json(request.content_type)) {
    fail(415, "Unsupported media type", "a write takes application/json");
  }
  boost::json::parse_options options;
  options.max_depth = deepest_json;
  boost::system::error_code error;
  const auto value = boost::json::parse(request.body, error, {}, options);
  if (error) fail(400, "Bad JSON", error.message());
  if (!value.is_object()) fail(400, "Bad JSON", "not an object");
  return value.as_object();
}

std::string text_in(const boost::json::object& object, std::string_view key) {
  const auto* const value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) {
    fail(400, "Bad request", "\"" + std::string(key) + "\" must be a string");
  }
  return std::string(value->as_string());
}

void allow(const Request& request, const std::string& methods) {
  const auto known = ", " + methods + ", ";
  if (known.find(", " + request.method + ", ") != std::string::npos) return;
  throw Problem{method_not_allowed(methods)};
}

}  // namespace poetry::sync::http
