#include "work/catalog_parts.hpp"

#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/quantity.hpp"
#include "fetch/poem_catalog.hpp"
#include "work/part_text.hpp"

namespace poetry::sync::work {
namespace {

constexpr std::size_t max_poems = 100'000;

}  // namespace

std::vector<store::Part> parts_in_catalog(std::string_view text, const net::HostPort& from,
                                          std::uint64_t max_bytes) {
  const auto catalog = fetch::parse_catalog(text, from);
  if (catalog.poems.size() > max_poems)
    throw std::runtime_error("more than " + base::counted(max_poems, "poem"));
  std::vector<store::Part> parts;
  std::set<std::string> names;
  auto left = max_bytes;
  for (const auto& poem : catalog.poems) {
    const auto where = net::to_string(poem.where);
    auto name = log_text(poem.name);
    if (name.empty() || !names.insert(name).second) name = where;
    store::Part part{
        .number = static_cast<std::int64_t>(parts.size()), .name = name, .address = where};
    if (const auto bytes = poem.expected.bytes) {
      if (*bytes > left)
        throw std::runtime_error("promises more than " + base::counted(max_bytes, "byte"));
      left -= *bytes;
      part.expected = static_cast<std::int64_t>(*bytes);
    }
    if (poem.expected.sha256) part.sha256 = base::to_hex(*poem.expected.sha256);
    parts.push_back(std::move(part));
  }
  return parts;
}

void pass_over_unchanged(std::vector<store::Part>& parts, store::Id earlier,
                         const std::vector<store::Part>& stored) {
  std::map<std::string_view, const store::Part*> by_address;
  for (const auto& each : stored) by_address.emplace(each.address, &each);
  for (auto& part : parts) {
    const auto found = by_address.find(part.address);
    if (found == by_address.end() || part.sha256.empty()) continue;
    const auto& known = *found->second;
    if (!known.complete || part.sha256 != known.sha256 || part.expected != known.bytes) continue;
    part.bytes = known.bytes;
    part.complete = true;
    part.source = known.source.value_or(store::Part::Source{earlier, known.number});
  }
}

}  // namespace poetry::sync::work
