#include "fetch/resolver.hpp"

#include <sys/eventfd.h>

#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace poetry {
namespace {

// Enough for names to be looked up side by side, without a thread for each of thousands of tasks.
constexpr unsigned most_threads = 16;

struct Question {
  std::uint64_t ticket = 0;
  HostPort where;
  Family family = Family::any;
};

}  // namespace

struct Resolver::Shared {
  std::mutex mutex;  // guards the rest
  std::deque<Question> questions;
  std::deque<Answer> answers;
  unsigned threads = 0;
  Fd bell;

  static void serve(const std::shared_ptr<Shared>& shared);
};

void Resolver::Shared::serve(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (!shared->questions.empty()) {
    const Question question = std::move(shared->questions.front());
    shared->questions.pop_front();
    lock.unlock();
    Answer answer{question.ticket, resolve(question.where, question.family)};
    lock.lock();
    shared->answers.push_back(std::move(answer));
    ::eventfd_write(shared->bell.get(), 1);
  }
  --shared->threads;
}

Resolver::Resolver() : shared_(std::make_shared<Shared>()) {
  shared_->bell = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared_->bell) throw_errno("wait for", "name lookups");
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->questions.clear();
}

int Resolver::fd() const { return shared_->bell.get(); }

std::uint64_t Resolver::ask(const HostPort& where, Family family) {
  const std::lock_guard lock(shared_->mutex);
  const std::uint64_t ticket = ++tickets_;
  shared_->questions.push_back({ticket, where, family});
  if (shared_->threads < most_threads) {
    std::thread(Shared::serve, shared_).detach();
    ++shared_->threads;
  }
  return ticket;
}

std::optional<Resolver::Answer> Resolver::take() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->answers.empty()) {
    eventfd_t count = 0;
    ::eventfd_read(shared_->bell.get(), &count);
    return std::nullopt;
  }
  Answer answer = std::move(shared_->answers.front());
  shared_->answers.pop_front();
  return answer;
}

}  // namespace poetry
