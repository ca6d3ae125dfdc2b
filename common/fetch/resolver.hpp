// Looks names up without blocking whoever asks: that is done in threads of its own, and a
// descriptor tells when answers wait to be delivered. All that ask for one name at a time share a
// lookup, and an address that was found is kept for those who ask later. Owned by a strategy for
// one run, or by one task that shares its threads with others. Threads that still wait for a name
// server when it goes are left to end by themselves; they share nothing with it that it takes
// along.
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

  /// Called in deliver(), both at most once.
  struct Callbacks {
    std::function<void()> begun;  ///< a thread looks the name up, and it waits for none
    std::function<void(const net::Resolved&)> answered;
  };

  /// Raises std::system_error. Resolvers that share their lookups may live in different threads.
  explicit Resolver(std::shared_ptr<Lookups> lookups);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// Readable while an answer waits.
  [[nodiscard]] int fd() const;
  /// Asks; what comes of it, deliver() tells. Returns a ticket, never 0. Where no thread can be
  /// had, the answer is that error.
  std::uint64_t ask(const net::HostPort& where, net::Family family, Callbacks callbacks);
  /// The answer is of no interest any more, and not delivered. Does nothing where it was already.
  void forget(std::uint64_t ticket);
  /// Passes on the answers that wait, without blocking.
  void deliver();

 private:
  struct AnswerQueue;
  std::shared_ptr<Lookups> lookups_;
  std::shared_ptr<AnswerQueue> queue_;
  std::map<std::uint64_t, Callbacks> asking_;  // by ticket
};

}  // namespace poetry::fetch
