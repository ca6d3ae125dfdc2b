// When a worker that died is replaced. Most deaths are an accident, mended at once; one that dies
// again as soon as it lives gets longer pauses, and at last nothing. One policy for each worker's
// place, in virtual time.
#pragma once

#include <optional>

#include "base/clock.hpp"

namespace poetry::server {

class RestartPolicy {
 public:
  /// Who lived for so long died by accident, whatever was before.
  static constexpr base::Duration sound_life = std::chrono::seconds(5);
  /// The pause after the second short life in a row; after each further one it doubles.
  static constexpr base::Duration first_pause = std::chrono::milliseconds(100);
  /// So many short lives in a row are a loop, after 6.3 s of pauses.
  static constexpr int max_short_lives = 8;

  /// How long to wait before the next one starts, after one that lived so long; none: give up.
  std::optional<base::Duration> ended(base::Duration lived) {
    short_lives_ = lived >= sound_life ? 0 : short_lives_ + 1;
    if (short_lives_ >= max_short_lives) return std::nullopt;
    if (short_lives_ <= 1) return base::Duration{0};
    return first_pause * (1 << (short_lives_ - 2));
  }

 private:
  int short_lives_ = 0;  // in a row
};

}  // namespace poetry::server
