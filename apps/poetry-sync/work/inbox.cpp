#include "work/inbox.hpp"

#include <utility>

namespace poetry::sync::work {
namespace {

constexpr std::size_t most_bytes = std::size_t{4} << 20;  // more than a transaction should hold
constexpr std::size_t most_happenings = 10'000;

}  // namespace

std::string Inbox::received(std::size_t task, const fetch::Record& /*record*/,
                            std::string_view bytes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return closed_ || (bytes_ < most_bytes && happenings_.size() < most_happenings);
  });
  if (closed_) return "the job is over";
  bytes_ += bytes.size();
  // Of one task in one piece, as long as nothing came between.
  if (!happenings_.empty() && happenings_.back().what == Happening::What::received &&
      happenings_.back().task == task) {
    happenings_.back().bytes.append(bytes);
  } else {
    happenings_.push_back(
        {.what = Happening::What::received, .task = task, .bytes = std::string(bytes)});
  }
  changed_.notify_all();
  return {};
}

void Inbox::retrying(std::size_t task, const fetch::Record& record, base::Duration delay) {
  put({.what = Happening::What::retrying, .task = task, .delay = delay, .error = record.error});
}

void Inbox::ended(std::size_t task, fetch::Record& record) {
  put({.what = Happening::What::ended,
       .task = task,
       .outcome = record.outcome,
       .error = record.error,
       .sha256 = record.sha256 ? base::to_hex(*record.sha256) : ""});
}

void Inbox::put(Happening happening) {
  const std::lock_guard lock(mutex_);
  happenings_.push_back(std::move(happening));
  changed_.notify_all();
}

std::vector<Happening> Inbox::take(base::Duration longest) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest, [this] { return finished_ || !happenings_.empty(); });
  bytes_ = 0;
  auto taken = std::exchange(happenings_, {});
  changed_.notify_all();
  return taken;
}

void Inbox::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

bool Inbox::is_finished() {
  const std::lock_guard lock(mutex_);
  return finished_ && happenings_.empty();
}

void Inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace poetry::sync::work
