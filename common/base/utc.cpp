#include "base/utc.hpp"

#include <array>
#include <ctime>

namespace poetry::base {

std::string utc_text(std::chrono::system_clock::time_point at) {
  using std::chrono::milliseconds;
  const auto millis = std::chrono::floor<milliseconds>(at.time_since_epoch()).count();
  const auto whole = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 40> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto fraction = std::to_string(1000 + millis % 1000).substr(1);
  return std::string(text.data(), size) + "." + fraction + "Z";
}

}  // namespace poetry::base
