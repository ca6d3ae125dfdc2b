#include "base/unknown_name.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace poetry::base {
namespace {

/// The optimal string alignment distance: a restricted Damerau-Levenshtein distance.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> last(other.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= one.size(); ++i) {
    std::vector<std::size_t> row{i};
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const bool same = one[i - 1] == other[j - 1];
      std::size_t least = std::min({row[j - 1] + 1, last[j] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) least = std::min(least, before[j - 2] + 1);
      row.push_back(least);
    }
    before = std::exchange(last, std::move(row));
  }
  return last.back();
}

}  // namespace

std::string suggestion(std::string_view name, const std::vector<std::string>& valid) {
  constexpr std::size_t longest = 64;  // no valid name is longer
  if (valid.empty() || name.size() > longest) return {};
  const auto nearest = std::ranges::min_element(
      valid, {}, [name](const std::string& each) { return distance(name, each); });
  const auto bound = std::max<std::size_t>(1, name.size() / 3);
  const bool near = name.size() > 1 && distance(name, *nearest) <= bound;
  return near ? "did you mean " + *nearest + "?" : "";
}

UsageError unknown_name(std::string_view what, const std::vector<std::string>& valid,
                        std::string_view name) {
  const auto meant = suggestion(name, valid);
  return {fmt::format("unknown {} (valid: {}{}{})", what, fmt::join(valid, ", "),
                      meant.empty() ? "" : "; ", meant),
          name};
}

}  // namespace poetry::base
