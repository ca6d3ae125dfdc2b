#include "work/sync_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "fetch/pace.hpp"
#include "work/catalog_parts.hpp"
#include "work/event_queue.hpp"
#include "work/hosts.hpp"
#include "work/job_writer.hpp"
#include "work/part_text.hpp"

namespace poetry::sync::work {
namespace {

constexpr std::uint64_t max_catalog_bytes = std::uint64_t{16} << 20;
constexpr std::size_t max_written = std::size_t{4} << 20;  // in one transaction
constexpr std::int64_t compared_bytes = 256 << 10;         // read at once, to be compared

class SyncJob {
 public:
  SyncJob(store::Store& store, const JobOptions& options, store::Store::Taken taken,
          const std::atomic<bool>& stopping)
      : store_(store),
        options_(options),
        taken_(std::move(taken)),
        writer_(store, taken_, options.lease, stopping) {}

  void run() {
    try {
      attempt();
    } catch (const Abandoned&) {
      return;
    } catch (const std::exception& error) {
      give_up(error.what());
    } catch (...) {
      give_up("an unknown failure");
    }
    writer_.end(verdict());
  }

 private:
  void attempt() {
    writer_.keep_lease();
    begin();
    if (writer_.is_cancelled()) return;
    if (static_cast<std::uint64_t>(taken_.job.attempts) > options_.attempts) {
      give_up(taken_.job.error.empty() ? "each attempt ended with its worker" : taken_.job.error);
    } else if (taken_.record.type == store::RecordType::weblog) {
      fetch_weblog();
    } else {
      if (parts_.empty()) fetch_catalog();
      if (goes_on()) fetch_parts();
    }
  }

  [[nodiscard]] bool goes_on() const { return !writer_.is_cancelled() && failure_.empty(); }

  void give_up(const std::string& why) {
    writer_.discard();
    failure_ = why;
  }

  void begin() {
    parts_ = writer_.patiently([&] { return store_.parts(taken_.claim.job); });
    const auto& record = taken_.record;
    const auto& job = taken_.job;
    writer_.log(
        fmt::format("attempt {}{} by {}: {} of {}", job.attempts,
                    job.fetched == 0 ? "" : ", resumed after " + base::counted(job.fetched, "byte"),
                    job.worker, name_of(record.type), record.address));
    if (record.type != store::RecordType::collection && parts_.empty()) {
      parts_.push_back({.number = 0, .name = record.name, .address = record.address});
      writer_.changes().parts = parts_;
      // A poem is as long as the last time, as far as a progress bar is concerned.
      if (record.type == store::RecordType::poem && record.synced)
        writer_.changes().expected = record.bytes;
    }
  }

  /// Fetches, and writes what `handle` makes of it, until all is over.
  void fetch(const fetch::Batch& batch, const auto& handle) {
    EventQueue queue;
    Fetching fetching(batch, options_.engine, queue);
    while (!queue.is_finished()) {
      const auto until = base::Clock::now() + options_.interval;
      std::size_t bytes = 0;
      for (auto now = base::Clock::now();
           now < until && bytes < max_written && !queue.is_finished(); now = base::Clock::now()) {
        for (const auto& each : queue.take(until - now)) {
          bytes += each.bytes.size();
          received_ += each.bytes.size();
          handle(each);
        }
      }
      if (received_ > options_.max_bytes && !is_final_) {
        failure_ = "more than " + base::counted(options_.max_bytes, "byte") + " (see --max-bytes)";
        is_final_ = true;
      }
      if (!writer_.write() || enough_ || is_final_) fetching.stop();
    }
    fetching.check();
  }

  void fetch_catalog() {
    const auto where = net::parse_host_port(taken_.record.address);
    fetch::Batch batch{.servers = {where}, .fetch = options_.fetch, .lookup = look_up};
    batch.fetch.max_bytes = max_catalog_bytes;
    std::string text;
    fetch(batch, [&](const FetchEvent& each) {
      text += each.bytes;
      if (each.ended) failure_ = each.ended->error;
    });
    received_ = 0;
    if (!goes_on()) return;
    try {
      parts_ = parts_in_catalog(text, where, options_.max_bytes);
    } catch (const std::runtime_error& error) {
      failure_ = std::string("catalog: ") + error.what();
      return;
    }
    std::int64_t expected = 0;
    for (const auto& part : parts_) expected += part.expected.value_or(0);
    writer_.log("catalog: " + base::counted(parts_.size(), "poem") + ", " +
                base::counted(expected, "byte"));
    const auto last = writer_.patiently([&] { return store_.text(taken_.record.id); });
    pass_over_unchanged(parts_, last.job, last.parts);
    for (const auto& part : parts_)
      if (part.complete) writer_.log(part.name + ": unchanged, and not fetched");
    writer_.changes().parts = parts_;
    writer_.changes().expected = expected;
  }

  /// For each host of the parts that are not complete, those of its addresses that the record's own
  /// has too. A catalog must not make this machine connect to whomever it likes: a host without any
  /// is a failure, and no part is fetched from other addresses than these.
  std::map<std::string, net::Resolved> checked_hosts() {
    const auto own = net::parse_host_port(taken_.record.address).host;
    std::set<std::string> hosts{own};
    for (const auto& part : parts_)
      if (!part.complete) hosts.insert(net::parse_host_port(part.address).host);
    if (hosts.size() == 1) return {};
    auto found = look_up_all(hosts, [this] { return writer_.write(); });
    if (found.size() < hosts.size()) return {};
    for (auto& [host, resolved] : found) {
      const bool is_known = !resolved.addresses.empty();
      resolved = shared_addresses(resolved, found.at(own));
      if (is_known && resolved.addresses.empty() && failure_.empty()) {
        const auto of_host = [&host = host](const store::Part& part) {
          return net::parse_host_port(part.address).host == host;
        };
        failure_ = "catalog: names another host: " + std::ranges::find_if(parts_, of_host)->address;
      }
    }
    return found;
  }

  /// Those that are not complete yet, each from its beginning, compared with what is stored of it.
  void fetch_parts() {
    const auto hosts = checked_hosts();
    if (!goes_on()) return;
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
    if (!servers.empty()) {
      fetch::Batch batch{.servers = fetch::Servers(std::move(servers)),
                         .fetch = options_.fetch,
                         .parallel = options_.parallel,
                         .lookup = look_up};
      if (!hosts.empty()) {
        batch.lookup = [&hosts](const net::HostPort& where, net::Family) {
          return hosts.at(where.host);
        };
      }
      batch.fetch.digests = fetch::Digests::yes;
      fetch(batch, [&](const FetchEvent& each) { take(each, texts[each.task]); });
    }
    check_size(texts);
  }

  void take(const FetchEvent& each, PartText& text) {
    if (!each.ended) {
      text.receive(each.bytes, writer_.changes());
    } else if (each.ended->outcome == fetch::Outcome::ok) {
      text.complete(base::to_hex(each.ended->sha256.value()), writer_.changes());
      writer_.log(text.part().name + ": " + base::counted(text.part().bytes, "byte") +
                  ", SHA-256 " + text.part().sha256);
    } else if (each.ended->outcome != fetch::Outcome::interrupted && !writer_.is_cancelled()) {
      if (failure_.empty()) failure_ = each.ended->error;
      writer_.log(text.part().name + ": " + each.ended->error);
    }
  }

  /// A text that has lost most of what it was is kept aside, in its job, and not taken.
  void check_size(const std::vector<PartText>& texts) {
    std::int64_t bytes = 0;
    for (const auto& part : parts_) bytes += part.complete ? part.bytes : 0;
    for (const auto& text : texts) bytes += text.part().bytes;
    const auto& record = taken_.record;
    const auto kept = static_cast<double>(100 - options_.shrink_guard) / 100;
    if (!goes_on() || options_.shrink_guard == 0 || !record.synced ||
        static_cast<double>(bytes) >= kept * static_cast<double>(record.bytes)) {
      return;
    }
    failure_ = fmt::format("shrunk from {} to {}, and not taken (see --shrink-guard)",
                           base::counted(record.bytes, "byte"), base::counted(bytes, "byte"));
    is_final_ = true;
  }

  void fetch_weblog() {
    WeblogText text(parts_.front(), stored_of(0), options_.records, writer_.changes());
    const auto passed =
        std::chrono::milliseconds(taken_.now - taken_.job.started.value_or(taken_.now));
    fetch::Batch batch{.servers = {net::parse_host_port(text.part().address)},
                       .fetch = options_.fetch,
                       .lookup = look_up};
    batch.fetch.timeout = options_.follow - passed;
    batch.fetch.idle_timeout = {};  // it is silent while nothing happens
    enough_ = text.is_full() || batch.fetch.timeout <= base::Duration{};
    if (!enough_) {
      fetch(batch, [&](const FetchEvent& each) {
        text.receive(each.bytes, writer_.changes());
        enough_ = text.is_full();
        if (!each.ended || enough_) return;
        using enum fetch::Outcome;
        const auto outcome = each.ended->outcome;
        if (outcome != ok && outcome != timeout && outcome != interrupted)
          failure_ = each.ended->error;
      });
    }
    if (!goes_on()) return;
    text.complete(writer_.changes());
    writer_.log(text.part().name + ": " + base::counted(text.records(), "record"));
  }

  PartText::Stored stored_of(std::int64_t part) {
    return [this, part](std::int64_t start) {
      return writer_.patiently(
          [&] { return store_.stored(taken_.claim.job, part, start, compared_bytes); });
    };
  }

  store::Ending verdict() const {
    if (writer_.is_cancelled()) return {.state = store::JobState::cancelled};
    if (failure_.empty()) return {};
    const auto why = base::shown_utf8(failure_);
    const auto attempt = static_cast<std::uint64_t>(taken_.job.attempts);
    if (is_final_ || attempt >= options_.attempts)
      return {.state = store::JobState::failed, .error = why};
    const auto seed = static_cast<std::uint64_t>(taken_.claim.job);
    return {.state = store::JobState::queued,
            .delay = fetch::retry_delay(options_.retry_delay, attempt - 1, seed),
            .error = why};
  }

  store::Store& store_;
  const JobOptions& options_;
  const store::Store::Taken taken_;
  JobWriter writer_;
  std::vector<store::Part> parts_;
  std::string failure_;         // of the first thing that could not be fetched
  std::uint64_t received_ = 0;  // bytes of texts, in this attempt
  bool is_final_ = false;       // the failure, which would come again
  bool enough_ = false;         // has come; what is under way may end
};

}  // namespace

void work_on(store::Store& store, const JobOptions& options, store::Store::Taken taken,
             const std::atomic<bool>& stopping) {
  SyncJob(store, options, std::move(taken), stopping).run();
}

}  // namespace poetry::sync::work
