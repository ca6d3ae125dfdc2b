// Looks names up without blocking whoever asks: that is done in a few threads of its own, and a
// descriptor tells when answers wait to be delivered. Owned by a strategy for one run, or by one
// task that shares its threads with others. Threads that still wait for a name server when it goes
// are left to end by themselves; they share nothing with it that it takes along.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "fetch/strategy.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

class Resolver {
 public:
  /// The threads that look names up, and what they still have to.
  class Lookups;
  static std::shared_ptr<Lookups> make_lookups(Lookup lookup);

  using Callback = std::function<void(const net::Resolved&)>;

  /// Raises std::system_error. Resolvers that share their lookups may live in different threads.
  explicit Resolver(std::shared_ptr<Lookups> lookups);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() = default;

  /// Readable while an answer waits.
  [[nodiscard]] int fd() const;
  /// Asks; deliver() will call `answered`. Returns a ticket, never 0. Where no thread can be had,
  /// the answer is that error.
  std::uint64_t ask(const net::HostPort& where, net::Family family, Callback answered);
  /// The answer is of no interest any more, and not delivered. Does nothing where it was already.
  void forget(std::uint64_t ticket);
  /// Passes on the answers that wait, without blocking.
  void deliver();

 private:
  struct AnswerQueue;
  std::shared_ptr<Lookups> lookups_;
  std::shared_ptr<AnswerQueue> queue_;
  std::map<std::uint64_t, Callback> asking_;  // by ticket
};

}  // namespace poetry::fetch
