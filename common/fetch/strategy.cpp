#include "fetch/strategy.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "fetch/strategies.hpp"
#include "reactor/select.hpp"

namespace poetry {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Strategy> (*make)();
};

constexpr std::array entries{
    Entry{"sequential", make_sequential},
    Entry{"select",
          [] { return make_reactor_strategy([] { return std::make_unique<Select>(); }); }},
};

}  // namespace

const std::vector<std::string>& strategy_names() {
  static const auto names = [] {
    std::vector<std::string> list;
    for (const auto& entry : entries) list.emplace_back(entry.name);
    return list;
  }();
  return names;
}

std::unique_ptr<Strategy> make_strategy(std::string_view name) {
  std::string known;
  for (const auto& entry : entries) {
    if (entry.name == name) return entry.make();
    known.append(known.empty() ? "" : ", ").append(entry.name);
  }
  throw UsageError("unknown engine (there are " + known + ", all)", name);
}

}  // namespace poetry
