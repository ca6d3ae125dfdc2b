// Which of a server's addresses are tried, and when: the connection part of happy eyeballs,
// RFC 8305. Owned by a Fetch for one attempt; does no I/O and reads no clock.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "base/clock.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

/// How long an address has the field to itself before the next is tried beside it: what RFC 8305,
/// section 8, recommends.
inline constexpr base::Duration connection_attempt_delay = std::chrono::milliseconds(250);
/// Addresses of one server tried at once: a name may have hundreds, and each takes a descriptor.
/// For a further one, that which has been tried for longest is given up.
inline constexpr std::size_t max_tried_at_once = 16;

class Race {
 public:
  Race() = default;
  /// Tries the first address. `found` is in the resolver's order, and not empty.
  Race(const std::vector<net::Address>& found, base::TimePoint now);

  /// The addresses tried so far, those that failed among them: the resolver's first choice, then
  /// the families in turn (section 4).
  [[nodiscard]] std::span<const net::Address> tried() const {
    return std::span(addresses_).first(errors_.size());
  }
  /// How many of them, from the first on, have failed or were given up.
  [[nodiscard]] std::size_t over() const;
  /// " (3 of 5 addresses tried)", " (the last of 5 addresses)"; empty where there is only one.
  [[nodiscard]] std::string how_many_tried() const;
  [[nodiscard]] std::string how_many_failed() const;
  /// When try_next() is due; `never` where there is nothing more to try yet.
  [[nodiscard]] base::TimePoint next_at() const { return next_at_; }
  void try_next(base::TimePoint now);
  /// The address at this index failed. Where it was the last one tried, the next is tried at once.
  void failed(std::size_t index, std::error_code error, base::TimePoint now);
  /// Whether all have failed.
  [[nodiscard]] bool lost() const { return under_way_ == 0; }
  /// The most preferred of those under way; the last, once all have failed.
  [[nodiscard]] std::size_t leader() const;
  /// How the address at this index failed.
  [[nodiscard]] std::error_code error(std::size_t index) const { return errors_[index]; }

 private:
  std::vector<net::Address> addresses_;
  std::vector<std::error_code> errors_;  // of those tried; none while one is under way
  std::size_t under_way_ = 0;
  base::TimePoint next_at_ = base::never;
};

}  // namespace poetry::fetch
