#include "option_tables.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "fetch/strategy.hpp"

namespace poetry::sync {
namespace {

constexpr std::uint64_t any_count = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t max_threads = 1000;
constexpr auto min_wait = std::chrono::milliseconds(1);
// The lease is renewed with what is written, five times a second at most.
constexpr auto min_lease = std::chrono::milliseconds(300);

using cli::shows;
using cli::Texts;

cli::Option placed(const std::string& name, char letter, const std::string& text,
                   net::HostPort& where) {
  return {name,
          letter,
          "ADDRESS",
          text,
          net::to_string(where),
          [&where](std::string_view given) { where = net::parse_host_port(given, 0); },
          [&where] { return Texts{net::to_string(where)}; }};
}

cli::Option counted(const std::string& name, const std::string& text, std::uint64_t& count,
                    std::uint64_t min, std::uint64_t max) {
  return {name, 0, "N", text, std::to_string(count), cli::into(count, min, max), shows(count)};
}

cli::Option timed(const std::string& name, const std::string& text, base::Duration& duration,
                  base::Duration min = base::Duration{}) {
  return {name,
          0,
          "DUR",
          text,
          base::format_duration(duration),
          [&duration, min](std::string_view given) {
            const auto parsed = base::parse_duration(given);
            if (parsed < min) {
              throw base::UsageError("duration is less than " + base::format_duration(min), given);
            }
            duration = parsed;
          },
          shows(duration)};
}

}  // namespace

std::vector<cli::Option> options_of(const std::vector<Group>& groups, SyncOptions& o) {
  using enum Group;
  auto& web = o.web;
  auto& job = o.job;
  const std::vector<std::pair<Group, cli::Option>> all{
      {database,
       {"database", 'd', "URL", "sqlite:PATH or postgresql://...",
        "sqlite:~/.local/state/poetry-sync/library.db", cli::into(o.database), shows(o.database)}},
      {page, placed("listen", 'l', "where the page is", web.listen)},
      {page,
       {"allow-host", 0, "NAME", "another name that the page is asked for by", "",
        [&web](std::string_view text) { web.hosts.emplace_back(text); },
        [&web] { return web.hosts; }}},
      {page, counted("max-streams", "pages that are kept up to date at once", web.max_streams, 1,
                     any_count)},
      {page, timed("request-timeout", "longest time for a request to come", web.request_timeout,
                   min_wait)},
      {control, placed("control", 'c', "the worker's control port", o.control)},
      {keep_alive, timed("keep-alive", "longest time between two requests of a connection",
                         web.idle_timeout, min_wait)},
      {token,
       {"token-file", 0, "FILE", "its first line is the token that requests bear", "",
        cli::into(o.token_file), shows(o.token_file)}},
      {worker, counted("jobs", "jobs at once", o.jobs, 1, max_threads)},
      {worker,
       {"engine", 'e', "NAME", "how a job's servers are waited for; see poetry-get(1)", job.engine,
        [&job](std::string_view text) {
          fetch::find_strategy(text);
          job.engine = text;
        },
        shows(job.engine), fetch::strategy_names()}},
      {worker,
       counted("parallel", "poems of a collection at once; 0 is all", job.parallel, 0, any_count)},
      {worker, counted("attempts", "of a job, before it has failed", job.attempts, 1, any_count)},
      {worker, timed("retry-delay", "before the second attempt; it doubles", job.retry_delay)},
      {worker, timed("lease", "a worker that is silent for so long has lost its job", job.lease,
                     min_lease)},
      {worker,
       timed("follow-time", "longest time that a weblog is followed", job.follow, min_wait)},
      {worker,
       counted("follow-records", "records of a weblog, at most", job.records, 1, any_count)},
      {worker,
       timed("connect-timeout", "longest time to connect; 0 no limit", job.fetch.connect_timeout)},
      {worker, timed("idle-timeout", "longest silence; 0 no limit", job.fetch.idle_timeout)},
      {worker, timed("timeout", "longest time for a poem in all; 0 no limit", job.fetch.timeout)},
      {name,
       {"name", 'n', "NAME", "what the record is called, instead of its address", "",
        cli::into(o.name), shows(o.name)}},
      {wait,
       {"wait", 'w', "", "follow the log to the job's end", "", cli::into(o.wait), shows(o.wait)}},
      {follow,
       {"follow", 'f', "", "go on until the job is over", "", cli::into(o.follow),
        shows(o.follow)}},
      {json, {"json", 0, "", "print JSON", "", cli::into(o.json), shows(o.json)}},
  };
  std::vector<cli::Option> chosen;
  for (const auto& [group, option] : all) {
    if (std::ranges::find(groups, group) != groups.end()) chosen.push_back(option);
  }
  return chosen;
}

}  // namespace poetry::sync
