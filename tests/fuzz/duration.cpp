// Durations, sizes and counts: refused with a UsageError, or printed as text that reads back the
// same.
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "property.hpp"

namespace {

template <class Check>
void unless_refused(const Check& check) {
  try {
    check();
  } catch (const poetry::base::UsageError&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry::base;
  using poetry::fuzz::must_hold;
  const std::string text(data, data + size);
  unless_refused([&text] {
    const auto duration = parse_duration(text);
    must_hold(duration >= Duration::zero(), "a duration is not negative");
    must_hold(parse_duration(format_duration(duration)) == duration,
              "duration -> text -> duration");
  });
  unless_refused([&text] {
    const auto bytes = parse_size(text);
    must_hold(parse_size(format_size(bytes)) == bytes, "size -> text -> size");
  });
  unless_refused([&text] {
    const auto max = std::numeric_limits<std::uint64_t>::max();
    const auto count = parse_count(text, "count", 1, max);
    must_hold(count >= 1, "a count keeps its bounds");
    must_hold(parse_count(std::to_string(count), "count", 1, max) == count,
              "count -> text -> count");
  });
  return 0;
}
