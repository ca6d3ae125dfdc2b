#include "fetch/poem_catalog.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <stdexcept>

#include "base/error.hpp"

namespace poetry::fetch {
namespace {

namespace json = boost::json;

/// A member of an entry; null where it is absent.
const json::value* member(const json::object& entry, std::string_view name) {
  const auto* found = entry.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string text_of(const json::object& entry, std::string_view name) {
  const auto* found = member(entry, name);
  if (found == nullptr || !found->is_string())
    throw std::runtime_error(std::string(name) + " is no text");
  return json::value_to<std::string>(*found);
}

std::uint64_t count_of(const json::value& value, std::string_view name) {
  boost::system::error_code error;
  const auto count = value.to_number<std::uint64_t>(error);
  if (error) throw std::runtime_error(std::string(name) + " is no count");
  return count;
}

net::HostPort place_of(const json::object& entry, const net::HostPort& asked) {
  net::HostPort where{text_of(entry, "host"), 0};
  const auto* port = member(entry, "port");
  if (port == nullptr) throw std::runtime_error("port is missing");
  const std::uint64_t number = count_of(*port, "port");
  if (where.host == "0.0.0.0" || where.host == "::") where.host = asked.host;
  const std::string host =
      where.host.find(':') == std::string::npos ? where.host : "[" + where.host + "]";
  try {
    return net::parse_host_port(host + ":" + std::to_string(number));
  } catch (const base::UsageError&) {
    throw std::runtime_error("host and port are no address");
  }
}

Expected expected_of(const json::object& entry) {
  Expected expected;
  if (const auto* bytes = member(entry, "bytes")) expected.bytes = count_of(*bytes, "bytes");
  if (member(entry, "sha256") != nullptr) {
    expected.sha256 = base::parse_digest(text_of(entry, "sha256"));
    if (!expected.sha256) throw std::runtime_error("sha256 is no digest");
  }
  return expected;
}

}  // namespace

PoemCatalog parse_catalog(std::string_view text, const net::HostPort& asked) {
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error);
  if (error) throw std::runtime_error("not a catalog: no JSON: " + error.message());
  if (!parsed.is_array()) throw std::runtime_error("not a catalog: no JSON array");
  PoemCatalog catalog;
  std::size_t number = 0;
  for (const auto& entry : parsed.as_array()) {
    ++number;
    try {
      if (!entry.is_object()) throw std::runtime_error("no object");
      const auto& object = entry.as_object();
      const net::HostPort where = place_of(object, asked);
      if (text_of(object, "service") == "poem") {
        const auto name = member(object, "name") == nullptr ? "" : text_of(object, "name");
        catalog.poems.push_back({where, name, expected_of(object)});
      } else {
        ++catalog.others;
      }
    } catch (const std::runtime_error& wrong) {
      throw std::runtime_error("not a catalog: entry " + std::to_string(number) + ": " +
                               wrong.what());
    }
  }
  return catalog;
}

}  // namespace poetry::fetch
