#include "fetch/resolver.hpp"

#include <sys/eventfd.h>

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace poetry::fetch {
namespace {

// Threads at names that somebody waits for, so that thousands of names take neither as many threads
// nor as many sockets. One whose name nobody waits for any more does not count.
constexpr unsigned max_busy = 64;

// A lookup that lacks what others give back is made again, so often and after so long.
constexpr int max_repeats = 100;
constexpr auto pause_between = std::chrono::milliseconds(50);

}  // namespace

/// What one resolver is to be told; guarded by the lookups' mutex.
struct Resolver::AnswerQueue {
  struct Answer {
    std::uint64_t ticket = 0;
    bool over = true;  // else it has begun
    net::Resolved found;
  };

  std::deque<Answer> answers;
  base::Fd wakeup;

  void put(Answer answer) {
    answers.push_back(std::move(answer));
    ::eventfd_write(wakeup.get(), 1);
  }
};

class Resolver::Lookups : public std::enable_shared_from_this<Resolver::Lookups> {
 public:
  explicit Lookups(Lookup lookup) : lookup_(std::move(lookup)) {}

  std::uint64_t ask(const std::shared_ptr<AnswerQueue>& queue, const net::HostPort& where,
                    net::Family family) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t ticket = ++last_ticket_;
    const Key key(where.host, family);
    if (const auto known = found_.find(key); known != found_.end()) {
      tell(ticket, {queue, where.port}, known->second);
      return ticket;
    }
    const auto [asked, first] = asked_.try_emplace(key);
    Name& name = asked->second;
    if (first) waiting_.push_back(key);
    if (name.begun) queue->put({ticket, false, {}});
    if (name.begun && name.askers.empty()) ++busy_;  // as nobody waited for it
    name.askers[ticket] = {queue, where.port};
    tickets_[ticket] = key;
    start_thread();
    return ticket;
  }

  void forget(std::uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    const auto asked = tickets_.extract(ticket);
    if (!asked) return;
    Name& name = asked_[asked.mapped()];
    name.askers.erase(ticket);
    if (!name.begun || !name.askers.empty()) return;
    --busy_;
    start_thread();
  }

  std::optional<Resolver::AnswerQueue::Answer> take(AnswerQueue& queue) {
    const std::lock_guard lock(mutex_);
    if (queue.answers.empty()) {
      eventfd_t count = 0;
      ::eventfd_read(queue.wakeup.get(), &count);
      return std::nullopt;
    }
    auto answer = std::move(queue.answers.front());
    queue.answers.pop_front();
    return answer;
  }

 private:
  using Key = std::pair<std::string, net::Family>;
  struct Asker {
    std::shared_ptr<AnswerQueue> queue;
    std::uint16_t port = 0;
  };
  struct Name {
    bool begun = false;
    std::map<std::uint64_t, Asker> askers;  // by ticket
  };

  void start_thread() {
    if (waiting_.empty() || busy_ >= max_busy) return;
    try {
      std::thread([self = shared_from_this()] { self->serve(); }).detach();
      ++busy_;
    } catch (const std::system_error& error) {
      if (busy_ > 0) return;  // those get to it
      for (const Key& key : std::exchange(waiting_, {})) answer(key, {{}, error.code()});
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (!waiting_.empty() && busy_ <= max_busy) {
      const Key key = std::move(waiting_.front());
      waiting_.pop_front();
      Name& name = asked_[key];
      name.begun = true;
      for (const auto& [ticket, asker] : name.askers) asker.queue->put({ticket, false, {}});
      answer(key, name.askers.empty() ? net::Resolved{} : look_up(key, lock));
    }
    --busy_;
  }

  net::Resolved look_up(const Key& key, std::unique_lock<std::mutex>& lock) {
    for (int repeats = 0;; ++repeats) {
      lock.unlock();
      net::Resolved found = lookup_({key.first, 0}, key.second);
      const bool again = net::is_shortage(found.error) && repeats < max_repeats;
      if (again) std::this_thread::sleep_for(pause_between);
      lock.lock();
      const bool wanted = !asked_[key].askers.empty();
      if (!wanted) ++busy_;  // it counts again
      if (!again || !wanted) return found;
    }
  }

  void answer(const Key& key, const net::Resolved& found) {
    if (!found.addresses.empty()) found_[key] = found;
    const auto asked = asked_.extract(key);
    for (const auto& [ticket, asker] : asked.mapped().askers) {
      tickets_.erase(ticket);
      tell(ticket, asker, found);
    }
  }

  static void tell(std::uint64_t ticket, const Asker& asker, net::Resolved found) {
    for (net::Address& each : found.addresses) each.set_port(asker.port);
    asker.queue->put({ticket, true, std::move(found)});
  }

  const Lookup lookup_;
  std::mutex mutex_;           // guards the rest, and the answers
  std::map<Key, Name> asked_;  // not answered yet
  std::deque<Key> waiting_;    // those of them that no thread is at
  std::map<Key, net::Resolved> found_;
  std::map<std::uint64_t, Key> tickets_;  // of what is asked
  std::uint64_t last_ticket_ = 0;
  unsigned busy_ = 0;  // threads but for those at a name that nobody waits for
};

std::shared_ptr<Resolver::Lookups> Resolver::make_lookups(Lookup lookup) {
  return std::make_shared<Lookups>(std::move(lookup));
}

Resolver::Resolver(std::shared_ptr<Lookups> lookups)
    : lookups_(std::move(lookups)), queue_(std::make_shared<AnswerQueue>()) {
  queue_->wakeup = base::make_eventfd();
}

Resolver::~Resolver() {
  for (const auto& [ticket, callbacks] : asking_) lookups_->forget(ticket);
}

int Resolver::fd() const { return queue_->wakeup.get(); }

std::uint64_t Resolver::ask(const net::HostPort& where, net::Family family, Callbacks callbacks) {
  const auto ticket = lookups_->ask(queue_, where, family);
  asking_.emplace(ticket, std::move(callbacks));
  return ticket;
}

void Resolver::forget(std::uint64_t ticket) {
  if (asking_.erase(ticket) > 0) lookups_->forget(ticket);
}

void Resolver::deliver() {
  while (const auto answer = lookups_->take(*queue_)) {
    const auto asked = asking_.find(answer->ticket);
    if (asked == asking_.end()) continue;
    if (answer->over) {
      const Callbacks callbacks = std::move(asking_.extract(asked).mapped());
      callbacks.answered(answer->found);
    } else {
      asked->second.begun();
    }
  }
}

}  // namespace poetry::fetch
