// Looks names up without blocking whoever asks: getaddrinfo(3) runs in a few threads of its own,
// and a descriptor tells when answers wait. Owned by a strategy for one run. Threads that still
// wait for a name server when it goes are left to end by themselves; they share nothing with it
// that it takes along.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "net/address.hpp"

namespace poetry {

class Resolver {
 public:
  struct Answer {
    std::uint64_t ticket = 0;
    Resolved found;
  };

  /// Raises std::system_error.
  Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// Readable while an answer waits.
  [[nodiscard]] int fd() const;
  /// Asks; the answer comes with the ticket that this returns. Raises std::system_error where no
  /// thread can be had.
  std::uint64_t ask(const HostPort& where, Family family);
  /// The next answer, without blocking. Tickets that are of no interest any more are to be ignored.
  std::optional<Answer> take();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::uint64_t tickets_ = 0;
};

}  // namespace poetry
