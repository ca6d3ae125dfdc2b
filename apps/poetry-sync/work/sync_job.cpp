#include "work/sync_job.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>

#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "fetch/retry_delay.hpp"
#include "net/signals.hpp"
#include "work/catalog_parts.hpp"
#include "work/event_queue.hpp"
#include "work/part_text.hpp"
#include "work/weblog_text.hpp"

namespace poetry::sync::work {
namespace {

constexpr std::uint64_t max_catalog_bytes = std::uint64_t{16} << 20;
constexpr std::size_t max_written = std::size_t{4} << 20;  // in one transaction
constexpr std::int64_t compared_bytes = 256 << 10;         // read at once, to be compared

/// The claim was lost or given back: the attempt ends without a word.
struct Abandoned {};

/// A batch that is fetched in a thread of its own, and can be stopped.
class Fetching {
 public:
  Fetching(const fetch::Batch& batch, const std::string& engine, EventQueue& queue)
      : queue_(queue), thread_([this, &batch, strategy = fetch::find_strategy(engine)] {
          try {
            strategy(batch, queue_, signals_);
          } catch (...) {
            failure_ = std::current_exception();
          }
          queue_.finish();
        }) {}
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;
  ~Fetching() { stop(); }

  /// Ends the tasks that are under way; the queue takes no more of their bytes.
  void stop() {
    queue_.close();
    ::pthread_kill(thread_.native_handle(), SIGUSR2);
  }
  /// Raises what ended the fetching before its time; once the queue is finished.
  void check() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  EventQueue& queue_;
  net::Signals signals_{SIGUSR2};  // sent to the thread alone, as the strategies' way to be stopped
  std::exception_ptr failure_;
  std::jthread thread_;
};

class SyncJob {
 public:
  SyncJob(store::Store& store, const JobOptions& options, store::Store::Taken taken,
          const std::atomic<bool>& stopping)
      : store_(store), options_(options), taken_(std::move(taken)), stopping_(stopping) {}

  void run() {
    const auto type = taken_.record.type;
    try {
      begin();
      if (type == store::RecordType::collection && parts_.empty()) fetch_catalog();
      if (!cancelled_ && failure_.empty()) {
        type == store::RecordType::weblog ? fetch_weblog() : fetch_parts();
      }
    } catch (const Abandoned&) {
      return;
    }
    const auto ending = verdict();
    const auto what = ending.state == store::JobState::queued
                          ? "again in " + base::format_duration(ending.delay)
                          : std::string(name_of(ending.state));
    log(ending.error.empty() ? what : what + ": " + ending.error);
    store_.end(taken_.claim, changes_, ending);
  }

 private:
  void begin() {
    parts_ = store_.parts(taken_.claim.job);
    const auto& record = taken_.record;
    const auto& job = taken_.job;
    log(fmt::format("attempt {}{} by {}: {} of {}", job.attempts,
                    job.fetched == 0 ? "" : ", resumed after " + base::counted(job.fetched, "byte"),
                    job.worker, name_of(record.type), record.address));
    if (record.type != store::RecordType::collection && parts_.empty()) {
      parts_.push_back({.number = 0, .name = record.name, .address = record.address});
      changes_.parts = parts_;
      // A poem is as long as the last time, as far as a progress bar is concerned.
      if (record.type == store::RecordType::poem && record.synced) changes_.expected = record.bytes;
    }
  }

  /// Fetches, and writes what `handle` makes of it, until all is over.
  void fetch(const fetch::Batch& batch, const auto& handle) {
    EventQueue queue;
    Fetching fetching(batch, options_.engine, queue);
    while (!queue.is_finished()) {
      // Often enough to keep the lease, though a write may take its time.
      const auto until = base::Clock::now() + std::min(options_.interval, options_.lease / 4);
      std::size_t bytes = 0;
      for (auto now = base::Clock::now();
           now < until && bytes < max_written && !queue.is_finished(); now = base::Clock::now()) {
        for (const auto& each : queue.take(until - now)) {
          bytes += each.bytes.size();
          handle(each);
        }
      }
      if (!write() || enough_) fetching.stop();
    }
    fetching.check();
  }

  /// False where the work should end: it was cancelled, or the worker stops.
  bool write() {
    const auto now = base::Clock::now();
    auto standing = store::Standing::held;
    if (changes_.empty() && now < renew_at_) {
      standing = store_.standing(taken_.claim);  // spares the disk a commit
    } else {
      standing = store_.write(taken_.claim, std::exchange(changes_, {}), options_.lease);
      renew_at_ = now + options_.lease / 3;
    }
    if (standing == store::Standing::lost) throw Abandoned();
    if (standing == store::Standing::cancelling) cancelled_ = true;
    if (stopping_ && !cancelled_) {
      store_.release(taken_.claim);
      throw Abandoned();
    }
    return !cancelled_;
  }

  void fetch_catalog() {
    const auto where = net::parse_host_port(taken_.record.address);
    fetch::Batch batch{.servers = {where}, .fetch = options_.fetch};
    batch.fetch.max_bytes = max_catalog_bytes;
    std::string text;
    fetch(batch, [&](const FetchEvent& each) {
      text += each.bytes;
      if (each.ended) failure_ = each.ended->error;
    });
    if (cancelled_ || !failure_.empty()) return;
    try {
      parts_ = parts_in_catalog(text, where);
    } catch (const std::runtime_error& error) {
      failure_ = std::string("catalog: ") + error.what();
      return;
    }
    std::int64_t expected = 0;
    for (const auto& part : parts_) expected += part.expected.value_or(0);
    log("catalog: " + base::counted(parts_.size(), "poem") + ", " +
        base::counted(expected, "byte"));
    changes_.parts = parts_;
    changes_.expected = expected;
  }

  /// Those that are not complete yet, each from its beginning, compared with what is stored of it.
  void fetch_parts() {
    std::vector<PartText> texts;
    std::vector<fetch::Server> servers;
    for (const auto& part : parts_) {
      if (part.complete) continue;
      texts.emplace_back(part, stored_of(part.number));
      fetch::Details details;
      if (part.expected) details.expected.bytes = static_cast<std::uint64_t>(*part.expected);
      details.expected.sha256 = base::parse_digest(part.sha256);
      servers.push_back({net::parse_host_port(part.address),
                         std::make_shared<const fetch::Details>(std::move(details))});
    }
    if (servers.empty()) return;
    fetch::Batch batch{.servers = fetch::Servers(std::move(servers)),
                       .fetch = options_.fetch,
                       .parallel = options_.parallel};
    batch.fetch.digests = fetch::Digests::yes;
    fetch(batch, [&](const FetchEvent& each) {
      auto& text = texts[each.task];
      if (!each.ended) {
        text.receive(each.bytes, changes_);
      } else if (each.ended->outcome == fetch::Outcome::ok) {
        text.complete(base::to_hex(each.ended->sha256.value()), changes_);
        log(text.part().name + ": " + base::counted(text.part().bytes, "byte") + ", SHA-256 " +
            text.part().sha256);
      } else if (each.ended->outcome != fetch::Outcome::interrupted && !cancelled_) {
        if (failure_.empty()) failure_ = each.ended->error;
        log(text.part().name + ": " + each.ended->error);
      }
    });
  }

  void fetch_weblog() {
    WeblogText text(parts_.front(), stored_of(0), options_.records, changes_);
    const auto passed =
        std::chrono::milliseconds(taken_.now - taken_.job.started.value_or(taken_.now));
    fetch::Batch batch{.servers = {net::parse_host_port(text.part().address)},
                       .fetch = options_.fetch};
    batch.fetch.timeout = options_.follow - passed;
    batch.fetch.idle_timeout = {};  // it is silent while nothing happens
    enough_ = text.is_full() || batch.fetch.timeout <= base::Duration{};
    if (!enough_) {
      fetch(batch, [&](const FetchEvent& each) {
        text.receive(each.bytes, changes_);
        enough_ = text.is_full();
        if (!each.ended || enough_) return;
        using enum fetch::Outcome;
        const auto outcome = each.ended->outcome;
        if (outcome != ok && outcome != timeout && outcome != interrupted)
          failure_ = each.ended->error;
      });
    }
    if (cancelled_ || !failure_.empty()) return;
    text.complete(changes_);
    log(text.part().name + ": " + base::counted(text.records(), "record"));
  }

  PartText::Stored stored_of(std::int64_t part) {
    return [this, part](std::int64_t start) {
      return store_.stored(taken_.claim.job, part, start, compared_bytes);
    };
  }

  store::Ending verdict() const {
    if (cancelled_) return {.state = store::JobState::cancelled};
    if (failure_.empty()) return {};
    const auto why = base::shown_utf8(failure_);
    const auto attempt = static_cast<std::uint64_t>(taken_.job.attempts);
    if (attempt >= options_.attempts) return {.state = store::JobState::failed, .error = why};
    const auto seed = static_cast<std::uint64_t>(taken_.claim.job);
    return {.state = store::JobState::queued,
            .delay = fetch::retry_delay(options_.retry_delay, attempt - 1, seed),
            .error = why};
  }

  /// What servers say is in it, too.
  void log(const std::string& line) { changes_.lines.push_back(base::shown_utf8(line)); }

  store::Store& store_;
  const JobOptions& options_;
  const store::Store::Taken taken_;
  const std::atomic<bool>& stopping_;
  std::vector<store::Part> parts_;
  store::Changes changes_;      // not written yet
  std::string failure_;         // of the first thing that could not be fetched
  base::TimePoint renew_at_{};  // the lease
  bool enough_ = false;         // has come; what is under way may end
  bool cancelled_ = false;
};

}  // namespace

void work_on(store::Store& store, const JobOptions& options, store::Store::Taken taken,
             const std::atomic<bool>& stopping) {
  SyncJob(store, options, std::move(taken), stopping).run();
}

}  // namespace poetry::sync::work
