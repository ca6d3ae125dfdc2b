// Looks names up without blocking whoever asks: that is done in a few threads of its own, and a
// descriptor tells when answers wait. Owned by a strategy for one run, or by one task that
// shares its threads with others. Threads that still wait for a name server when it goes are left
// to end by themselves; they share nothing with it that it takes along.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "fetch/strategy.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

class Resolver {
 public:
  /// The threads that look names up, and what they still have to.
  class Lookups;
  static std::shared_ptr<Lookups> make_lookups(Lookup lookup);

  struct Answer {
    std::uint64_t ticket = 0;
    net::Resolved found;
  };

  /// Raises std::system_error. Resolvers that share their lookups may live in different threads.
  explicit Resolver(std::shared_ptr<Lookups> lookups);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() = default;

  /// Readable while an answer waits.
  [[nodiscard]] int fd() const;
  /// Asks; the answer comes with the ticket that this returns. Where no thread can be had, it is
  /// that error.
  std::uint64_t ask(const net::HostPort& where, net::Family family);
  /// The answer is of no interest any more. If it comes all the same, ignore it.
  void forget(std::uint64_t ticket);
  /// The next answer, without blocking.
  std::optional<Answer> take();

 private:
  struct AnswerQueue;
  std::shared_ptr<Lookups> lookups_;
  std::shared_ptr<AnswerQueue> queue_;
};

}  // namespace poetry::fetch
