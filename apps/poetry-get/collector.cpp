#include "collector.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/quantity.hpp"

namespace poetry::get {

// Where both go to the same place, each stands where it came: the bytes before it are written
// first, and it before the bytes that follow.
void Collector::tell(const std::string& event) {
  if (terminal_.mixes()) unread_ = !flushed();
  terminal_.tell(event);
  if (terminal_.mixes()) unread_ = !flushed();
}

// A reader that has stopped is waited for once.
bool Collector::flushed() {
  constexpr base::Duration patience = std::chrono::milliseconds(20);
  const auto until = base::Clock::now() + (unread_ ? base::Duration::zero() : patience);
  return terminal_.flush_events(until) &&
         std::ranges::all_of(outputs_, [until](const auto& each) { return each->flush(until); });
}

std::string Collector::received(std::size_t task, const fetch::Record& record,
                                std::string_view bytes) {
  progress_.received(bytes.size());
  if (events_ == Events::all) {
    tell(fmt::format("Task {}: got {} bytes of poetry from {}", task + 1, bytes.size(),
                     net::to_string(*record.address)));
  }
  try {
    for (const auto& output : outputs_) output->write(task, bytes);
  } catch (const output::TaskOutputError& error) {
    return error.what();
  }
  return {};
}

bool Collector::has_room(std::size_t task) {
  return std::ranges::all_of(outputs_, [task](const auto& each) { return each->has_room(task); });
}

void Collector::retrying(std::size_t task, const fetch::Record& record, base::Duration delay) {
  progress_.discarded(record.bytes);
  if (events_ == Events::all) {
    tell(fmt::format("Task {} starts over in {}{}: {}", task + 1, base::format_duration(delay),
                     record.bytes == 0 ? "" : ", what it got is void", record.error));
  }
  for (const auto& output : outputs_) output->discard(task);
}

void Collector::ended(std::size_t task, fetch::Record& record) {
  try {
    for (const auto& output : outputs_) output->end(task, record.outcome);
  } catch (const output::TaskOutputError& error) {
    record.outcome = fetch::Outcome::output;
    record.sha256.reset();
    record.error = (record.address ? net::to_string(*record.address) : "") + ": " + error.what();
  }
  progress_.ended(record.outcome);
  if (log_ != nullptr) log_->ended(task, record);
  const bool failed = record.outcome != fetch::Outcome::ok;
  const bool begun = record.started != base::never;  // a signal may end thousands that have not
  if (events_ != Events::all && (events_ == Events::none || !failed || !begun)) return;
  tell(failed ? fmt::format("Task {} failed: {}", task + 1, record.error)
              : fmt::format("Task {} finished", task + 1));
}

}  // namespace poetry::get
