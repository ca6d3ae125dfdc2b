#include "restart_policy.hpp"

namespace poetry::server {

std::optional<base::Duration> RestartPolicy::ended(base::Duration lived) {
  short_lives_ = lived >= sound_life ? 0 : short_lives_ + 1;
  if (short_lives_ >= max_short_lives) return std::nullopt;
  if (short_lives_ <= 1) return base::Duration{0};
  return first_pause * (1 << (short_lives_ - 2));
}

}  // namespace poetry::server
