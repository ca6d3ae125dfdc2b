#include "work/catalog_parts.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "fetch/poem_catalog.hpp"

namespace poetry::sync::work {
namespace {

/// Whether two names, of which the resolver may be asked, are of one machine.
bool is_same_host(const std::string& one, const std::string& other) {
  if (one == other) return true;
  const auto addresses = net::resolve({other, 0}).addresses;
  const auto wanted = net::resolve({one, 0}).addresses;
  return std::ranges::find_first_of(wanted, addresses) != wanted.end();
}

}  // namespace

std::vector<store::Part> parts_in_catalog(std::string_view text, const net::HostPort& from) {
  const auto catalog = fetch::parse_catalog(text, from);
  std::vector<store::Part> parts;
  for (const auto& poem : catalog.poems) {
    const auto where = net::to_string(poem.where);
    if (!is_same_host(poem.where.host, from.host)) {
      throw std::runtime_error("names another host: " + where);
    }
    store::Part part{
        .number = static_cast<std::int64_t>(parts.size()), .name = where, .address = where};
    if (poem.expected.bytes) part.expected = static_cast<std::int64_t>(*poem.expected.bytes);
    if (poem.expected.sha256) part.sha256 = base::to_hex(*poem.expected.sha256);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace poetry::sync::work
