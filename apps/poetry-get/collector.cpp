#include "collector.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/quantity.hpp"

namespace poetry::get {
Collector::Collector(std::vector<std::unique_ptr<output::Output>> outputs, Events events,
                     output::TerminalWriter& screen, Progress& progress)
    : outputs_(std::move(outputs)), events_(events), terminal_(screen), progress_(progress) {}

std::string Collector::received(std::size_t task, const fetch::Record& record,
                                std::string_view bytes) {
  progress_.received(bytes.size());
  if (events_ == Events::all) {
    terminal_.tell(fmt::format("Task {}: got {} bytes of poetry from {}", task + 1, bytes.size(),
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

void Collector::finish() {
  for (const auto& output : outputs_) output->finish();
}

void Collector::retrying(std::size_t task, const fetch::Record& record, base::Duration delay) {
  progress_.discarded(record.bytes);
  if (events_ == Events::all) {
    terminal_.tell(fmt::format("Task {} starts over in {}{}: {}", task + 1,
                               base::format_duration(delay),
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
  const bool failed = record.outcome != fetch::Outcome::ok;
  const bool begun = record.started != base::never;  // a signal may end thousands that have not
  if (events_ != Events::all && (events_ == Events::none || !failed || !begun)) return;
  terminal_.tell(failed ? fmt::format("Task {} failed: {}", task + 1, record.error)
                        : fmt::format("Task {} finished", task + 1));
}

}  // namespace poetry::get
