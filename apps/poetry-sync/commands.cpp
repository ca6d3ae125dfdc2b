#include "commands.hpp"

#include <fmt/ranges.h>

#include <boost/algorithm/string/trim.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/shown_text.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"
#include "control/client.hpp"
#include "store/as_json.hpp"
#include "tcp/token.hpp"

namespace poetry::sync {
namespace {

constexpr std::int64_t lines_at_once = 500;
constexpr auto log_wait = std::chrono::seconds(1);  // for news of a log

/// A line: the text, or JSON where that is asked for.
int print(const SyncOptions& options, const boost::json::value& value, const std::string& text) {
  cli::write_standard_output((options.json ? base::json_text(value) : text) + "\n");
  return cli::exit_ok;
}

std::string progress_of(const store::Job& job) {
  if (!job.expected) return fmt::format("{} bytes", job.fetched);
  return fmt::format("{} of {} bytes", job.fetched, *job.expected);
}

int print_job(const SyncOptions& options, const store::Job& job) {
  return print(options, as_json(job), fmt::format("job {} {}", job.id, name_of(job.state)));
}

int print_record(const SyncOptions& options, const store::SyncRecord& record) {
  return print(options, as_json(record), fmt::format("record {} {}", record.id, record.name));
}

int add(const SyncOptions& options, store::Store& store) {
  const auto type = store::parse_record_type(options.operands[0]);
  auto record = store::new_record(type, options.operands[1], options.name);
  record.every = options.every.value_or(0);
  return print_record(options, store.add(record));
}

int edit(const SyncOptions& options, store::Store& store) {
  const auto address = options.address.empty() ? "" : store::checked_address(options.address);
  const auto name = store::checked_name(options.name);
  auto record = store.record(store::parse_id(options.operands[0]));
  if (!name.empty()) record.name = name;
  if (!address.empty() && record.name == record.address) record.name = address;
  if (!address.empty()) record.address = address;
  record.every = options.every.value_or(record.every);
  return print_record(options, store.edit(record));
}

/// "TYPE ADDRESS [NAME...]". Raises UsageError.
store::SyncRecord record_in(const std::string& line) {
  std::istringstream words(line);
  std::string type;
  std::string address;
  std::string name;
  words >> type >> address;
  std::getline(words >> std::ws, name);
  return store::new_record(store::parse_record_type(type), address, name);
}

/// Adds all, or nothing where a line is bad.
int import(const SyncOptions& options, store::Store& store) {
  const auto& path = options.operands[0];
  std::ifstream file;
  if (path != "-") file.open(path);
  auto& list = path == "-" ? std::cin : file;
  if (!list) base::throw_errno("open", path);
  const auto tell = [&path](std::size_t line, std::string_view text) {
    const auto told = fmt::format("poetry-sync: {}:{}: {}", path, line, text);
    cli::write_standard_error(base::shown_utf8(told) + "\n");
  };
  std::vector<store::SyncRecord> records;
  std::vector<std::size_t> lines;  // of the list, one a record
  bool bad = false;
  std::string line;
  for (std::size_t number = 1; std::getline(list, line); ++number) {
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // byte order mark
    boost::trim(line);
    if (line.empty() || line.front() == '#') continue;
    try {
      records.push_back(record_in(line));
      lines.push_back(number);
    } catch (const base::UsageError& error) {
      tell(number, error.what());
      bad = true;
    }
  }
  if (list.bad()) base::throw_errno("read", path);
  if (bad) return cli::exit_usage;
  const auto added = store.add_all(records);
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (added[i].id != 0) print_record(options, added[i]);
    if (added[i].id == 0) tell(lines[i], "is there already: " + added[i].address);
  }
  return cli::exit_ok;
}

int remove(const SyncOptions& options, store::Store& store) {
  store.remove(store::parse_id(options.operands[0]));
  return cli::exit_ok;
}

int list(const SyncOptions& options, store::Store& store) {
  const auto records = store.records();
  if (options.json) return print(options, store::as_json(records), "");
  std::vector<std::vector<std::string>> rows{
      {"ID", "TYPE", "ADDRESS", "STATE", "JOB", "BYTES", "SYNCED", "NEXT", "NAME"}};
  for (const auto& each : records) {
    rows.push_back({std::to_string(each.id), std::string(name_of(each.type)), each.address,
                    each.job ? std::string(name_of(each.job->state)) : "new",
                    each.job ? std::to_string(each.job->id) : "-", std::to_string(each.bytes),
                    each.synced ? store::time_text(*each.synced) : "never",
                    each.next ? store::time_text(*each.next) : "-", each.name});
  }
  cli::write_standard_output(base::table(rows, rows.front().size()));
  return cli::exit_ok;
}

int status(const SyncOptions& options, store::Store& store) {
  const auto counts = store.count_jobs();
  const auto active = store.active_jobs();
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < counts.size(); ++i)
    texts.push_back(fmt::format("{} {}", counts.at(i), store::job_state_names.at(i)));
  print(options, {{"jobs", store::as_json(counts)}, {"active", store::as_json(active)}},
        fmt::format("{}", fmt::join(texts, ", ")));
  if (options.json || active.empty()) return cli::exit_ok;
  std::vector<std::vector<std::string>> rows{
      {"JOB", "RECORD", "STATE", "ATTEMPT", "PROGRESS", "WORKER", "ERROR"}};
  for (const auto& each : active) {
    rows.push_back({std::to_string(each.id), std::to_string(each.record),
                    std::string(name_of(each.state)), std::to_string(each.attempts),
                    progress_of(each), each.worker, each.error});
  }
  cli::write_standard_output(base::table(rows, rows.front().size()));
  return cli::exit_ok;
}

int log(const SyncOptions& options, store::Store& store) {
  const auto job = store::parse_id(options.operands[0]);
  for (std::int64_t number = 0;;) {
    const auto state = store.job(job).state;  // before its lines: what is over gets no more of them
    const auto lines = store.log_after(job, number, lines_at_once);
    std::string text;
    for (const auto& each : lines) {
      text += (options.json ? base::json_text(as_json(each)) : each.text) + "\n";
      number = each.number;
    }
    cli::write_standard_output(text);
    if (!lines.empty()) continue;
    if (!options.follow) return cli::exit_ok;
    if (!store::is_active(state))
      return state == store::JobState::done ? cli::exit_ok : cli::exit_failure;
    store.wait_for_news(log_wait);
  }
}

int cancel(const SyncOptions& options, store::Store& store) {
  return print_job(options, store.cancel(store::parse_id(options.operands[0])));
}

int retry(const SyncOptions& options, store::Store& store) {
  return print_job(options, store.retry(store::parse_id(options.operands[0])).job);
}

int backup(const SyncOptions& options, store::Store& store) {
  store.backup(options.operands[0]);
  return cli::exit_ok;
}

/// The log to its end, by the control port, unless JSON is asked for; then the job as it is.
boost::json::value follow(const SyncOptions& options, control::ControlClient& worker,
                          const std::string& job) {
  for (std::string number = "0";;) {
    const auto reply = worker.ask(fmt::format("next {} {}", job, number));
    if (reply == "wait") continue;
    const auto space = reply.find(' ');
    if (reply.starts_with("end ")) return boost::json::parse(worker.ask("job " + job));
    const auto text = reply.find(' ', space + 1);
    number = reply.substr(space + 1, text - space - 1);
    if (!options.json) cli::write_standard_output(reply.substr(text + 1) + "\n");
  }
}

int request(const SyncOptions& options) {
  if (!options.all) {
    store::parse_record_type(options.operands[0]);
    store::parse_id(options.operands[1]);
  }
  control::ControlClient worker(options.control, tcp::read_token(options.token_file));
  const auto one = fmt::format("request {}", fmt::join(options.operands, " "));
  auto jobs = boost::json::parse(worker.ask(options.all ? "request-all" : one));
  if (!options.all) jobs = boost::json::array{jobs};
  bool done = true;
  for (auto& job : jobs.as_array()) {
    const auto id = std::to_string(job.at("id").as_int64());
    if (options.wait) job = follow(options, worker, id);
    const std::string state(job.at("state").as_string());
    done = done && (!options.wait || state == "done");
    if (options.json || !options.wait) print(options, job, fmt::format("job {} {}", id, state));
  }
  return done ? cli::exit_ok : cli::exit_failure;
}

int quit(const SyncOptions& options) {
  control::ControlClient(options.control, tcp::read_token(options.token_file)).ask("quit");
  return cli::exit_ok;
}

}  // namespace

int run_command(const SyncOptions& options) {
  if (options.command == "request") return request(options);
  if (options.command == "quit") return quit(options);
  static const std::map<std::string, int (*)(const SyncOptions&, store::Store&)> by_name{
      {"add", add},       {"edit", edit},     {"remove", remove},   {"list", list},
      {"status", status}, {"log", log},       {"text", print_text}, {"export", export_texts},
      {"import", import}, {"cancel", cancel}, {"retry", retry},     {"backup", backup}};
  const auto database = store::open_database(options.database);
  store::Store store(*database);
  return by_name.at(options.command)(options, store);
}

}  // namespace poetry::sync
