#include "fetch/resolver.hpp"

#include <sys/eventfd.h>

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace poetry::fetch {
namespace {

// So that some tens of names for which no name server answers hold up no other, without a thread
// for each of thousands of tasks.
constexpr unsigned max_threads = 64;

}  // namespace

/// One resolver's answers; guarded by the lookups' mutex.
struct Resolver::AnswerQueue {
  struct Answer {
    std::uint64_t ticket = 0;
    net::Resolved found;
  };

  std::deque<Answer> answers;
  base::Fd wakeup;

  void put(Answer answer) {
    answers.push_back(std::move(answer));
    ::eventfd_write(wakeup.get(), 1);
  }
};

class Resolver::Lookups {
 public:
  explicit Lookups(Lookup lookup) : lookup_(std::move(lookup)) {}

  static std::uint64_t ask(const std::shared_ptr<Lookups>& self,
                           const std::shared_ptr<AnswerQueue>& queue, const net::HostPort& where,
                           net::Family family);
  void forget(std::uint64_t ticket);
  std::optional<AnswerQueue::Answer> take(AnswerQueue& queue);

 private:
  struct Question {
    std::weak_ptr<AnswerQueue> queue;  // gone with whoever asked
    net::HostPort where;
    net::Family family = net::Family::any;
  };

  void serve();

  const Lookup lookup_;
  std::mutex mutex_;                             // guards the rest, and the answers
  std::map<std::uint64_t, Question> questions_;  // by ticket, which no thread is at yet
  std::uint64_t tickets_ = 0;
  unsigned threads_ = 0;
};

std::uint64_t Resolver::Lookups::ask(const std::shared_ptr<Lookups>& self,
                                     const std::shared_ptr<AnswerQueue>& queue,
                                     const net::HostPort& where, net::Family family) {
  const std::lock_guard lock(self->mutex_);
  const std::uint64_t ticket = ++self->tickets_;
  self->questions_[ticket] = {queue, where, family};
  if (self->threads_ == max_threads) return ticket;
  try {
    std::thread([self] { self->serve(); }).detach();
    ++self->threads_;
  } catch (const std::system_error& error) {
    if (self->threads_ > 0) return ticket;  // those get to it
    self->questions_.erase(ticket);
    queue->put({ticket, {{}, error.code()}});
  }
  return ticket;
}

void Resolver::Lookups::serve() {
  std::unique_lock lock(mutex_);
  while (!questions_.empty()) {
    const auto [ticket, question] = *questions_.begin();
    questions_.erase(questions_.begin());
    if (question.queue.expired()) continue;
    lock.unlock();
    net::Resolved found = lookup_(question.where, question.family);
    lock.lock();
    if (const auto queue = question.queue.lock()) queue->put({ticket, std::move(found)});
  }
  --threads_;
}

void Resolver::Lookups::forget(std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  questions_.erase(ticket);
}

std::optional<Resolver::AnswerQueue::Answer> Resolver::Lookups::take(AnswerQueue& queue) {
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

std::shared_ptr<Resolver::Lookups> Resolver::make_lookups(Lookup lookup) {
  return std::make_shared<Lookups>(std::move(lookup));
}

Resolver::Resolver(std::shared_ptr<Lookups> lookups)
    : lookups_(std::move(lookups)), queue_(std::make_shared<AnswerQueue>()) {
  queue_->wakeup = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!queue_->wakeup) base::throw_errno("wait for", "name lookups");
}

int Resolver::fd() const { return queue_->wakeup.get(); }

std::uint64_t Resolver::ask(const net::HostPort& where, net::Family family, Callback answered) {
  const auto ticket = Lookups::ask(lookups_, queue_, where, family);
  asking_.emplace(ticket, std::move(answered));
  return ticket;
}

void Resolver::forget(std::uint64_t ticket) {
  if (asking_.erase(ticket) > 0) lookups_->forget(ticket);
}

void Resolver::deliver() {
  while (const auto answer = lookups_->take(*queue_)) {
    if (const auto asked = asking_.extract(answer->ticket)) asked.mapped()(answer->found);
  }
}

}  // namespace poetry::fetch
