#include "base/utc.hpp"

#include <fmt/chrono.h>

namespace poetry::base {

std::string utc_text(std::chrono::system_clock::time_point at) {
  using std::chrono::milliseconds;
  const auto millis = std::chrono::floor<milliseconds>(at.time_since_epoch()).count();
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(millis / 1000), millis % 1000);
}

}  // namespace poetry::base
