#include "work/job_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"

namespace poetry::sync::work {
namespace {

constexpr auto pause_without_database = std::chrono::milliseconds(100);

}  // namespace

JobWriter::JobWriter(store::Store& store, const store::Store::Taken& taken, base::Duration lease,
                     const std::atomic<bool>& stopping, std::int64_t max_lines)
    : store_(store),
      claim_(taken.claim),
      lease_(lease),
      stopping_(stopping),
      changes_{.written = taken.job.lines},
      max_lines_(max_lines),
      cancelled_(taken.job.state == store::JobState::cancelling) {}

void JobWriter::keep_lease() {
  keeper_ = std::jthread([this](const std::stop_token& stop) { renew_until(stop); });
}

void JobWriter::renew_until(const std::stop_token& stopping) {
  std::mutex mutex;
  std::condition_variable_any told;
  std::unique_lock lock(mutex);
  while (!stopping.stop_requested()) {
    told.wait_for(lock, stopping, lease_ / 3, [] { return false; });
    try {
      if (!stopping.stop_requested()) store_.write(claim_, {}, lease_);
    } catch (const store::DatabaseError&) {
      continue;  // who writes something tells of it
    }
  }
}

void JobWriter::log(const std::string& line) { changes_.lines.push_back(base::shown_utf8(line)); }

bool JobWriter::may_pass(const store::DatabaseError& error) {
  const bool passes = error.kind() == store::DatabaseError::Kind::passing && !stopping_;
  if (passes && !std::exchange(told_, true))
    base::log_error("job {} waits: {}", claim_.job, error.what());
  return passes;
}

void JobWriter::wait_for_database() { std::this_thread::sleep_for(pause_without_database); }

bool JobWriter::write() {
  bound_lines();
  const auto standing = patiently([&] {
    return changes_.empty() ? store_.standing(claim_)  // spares the disk a commit
                            : store_.write(claim_, changes_, lease_);
  });
  if (standing == store::Standing::lost) throw Abandoned();
  changes_ = {.written = *changes_.written + std::ssize(changes_.lines)};
  told_ = false;
  if (standing == store::Standing::cancelling) cancelled_ = true;
  if (stopping_ && !cancelled_) {
    store_.release(claim_);
    throw Abandoned();
  }
  return !cancelled_;
}

void JobWriter::end(const store::Ending& ending) {
  const auto what = ending.state == store::JobState::queued
                        ? "again in " + base::format_duration(ending.delay)
                        : std::string(name_of(ending.state));
  bound_lines();
  if (left_out_ > 0) log("left out: " + base::counted(left_out_, "more line"));
  log(ending.error.empty() ? what : what + ": " + ending.error);
  keeper_.request_stop();
  patiently([&] { return store_.end(claim_, changes_, ending); });
}

void JobWriter::bound_lines() {
  const auto room = std::max<std::int64_t>(max_lines_ - changes_.written.value_or(0), 0);
  if (std::ssize(changes_.lines) <= room) return;
  left_out_ += changes_.lines.size() - static_cast<std::size_t>(room);
  changes_.lines.resize(static_cast<std::size_t>(room));
}

}  // namespace poetry::sync::work
