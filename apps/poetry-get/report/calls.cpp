// What the engines asked of the kernel: counted by name, or one task's in time.
#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/trim.hpp>
#include <iterator>
#include <limits>
#include <map>
#include <set>

#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "report/report.hpp"

namespace poetry::get::report {
namespace {

/// What is shorter may be strace's own time.
constexpr base::Duration shortest_wait = std::chrono::milliseconds(1);

using Names = std::set<std::string>;

/// Waits for several descriptors.
bool is_wait(const Call& call) {
  static const Names names{"select",     "pselect6",    "poll",         "ppoll",
                           "epoll_wait", "epoll_pwait", "epoll_pwait2", "io_uring_enter"};
  return names.contains(call.name);
}

bool moves_bytes(const Call& call) {
  static const Names names{"sendto", "recvfrom", "sendmsg", "recvmsg",
                           "read",   "readv",    "write",   "writev"};
  return names.contains(call.name);
}

bool found_nothing(const Call& call) {
  static const Names errors{"EAGAIN", "EINPROGRESS", "EALREADY", "EINTR", "ETIME"};
  if (call.name == "io_uring_enter") return call.error == "ETIME";  // it returns what it submits
  return errors.contains(call.error) || (is_wait(call) && call.result == 0);
}

std::string outcome(const Call& call) {
  if (!call.error.empty()) return call.error;
  if (call.name == "io_uring_enter") return std::to_string(call.result) + " submitted";
  if (call.name == "connect") return "connected";
  if (is_wait(call)) return std::to_string(call.result) + " ready";
  if (moves_bytes(call)) return call.result == 0 ? "end" : base::counted(call.result, "byte");
  return call.name == "socket" ? "descriptor " + std::to_string(call.result) : "";
}

std::vector<CallCount> count(std::span<const Call> calls) {
  std::map<std::string, CallCount> by_name;
  for (const Call& call : calls) {
    CallCount& count = by_name[call.name];
    ++count.calls;
    if (call.took >= shortest_wait) ++count.waited;
    if (found_nothing(call)) ++count.nothing;
    if (!moves_bytes(call) || call.result <= 0) continue;
    ++count.moving;
    count.bytes += static_cast<std::uint64_t>(call.result);
  }
  std::vector<CallCount> counts;
  for (auto& [name, count] : by_name) counts.emplace_back(count).name = name;
  std::ranges::stable_sort(counts, std::greater{}, &CallCount::calls);
  return counts;
}

/// Those about the socket of a task, and the waits meanwhile, in time. Of several tasks with one
/// address the n-th is taken for who connected n-th.
std::vector<const Call*> calls_of(const Run& run, const fetch::Record& record) {
  const auto same = [&](const fetch::Record& each) { return each.address == record.address; };
  const auto number = std::count_if(run.records.data(), &record, same);
  const bool alone = std::ranges::count_if(run.records, same) == 1;
  const auto port = record.address ? fmt::format("htons({})", record.address->port()) : "none";
  const auto host = record.address ? fmt::format("\"{}\"", record.address->host()) : "none";
  const auto leads_there = [&](const std::string& arguments) {
    return arguments.find(port) != std::string::npos && arguments.find(host) != std::string::npos;
  };
  std::map<int, const Call*> made;  // sockets that are open, by the call that made them
  std::set<int> connecting;
  std::set<int> own;
  std::vector<const Call*> found;
  std::string thread;  // that connects
  std::ptrdiff_t connects = 0;
  for (const Call& call : run.calls) {
    const int fd = call.descriptor;
    if (call.name == "socket") made[fd] = &call;
    if (call.name == "connect" && leads_there(call.arguments) && connecting.insert(fd).second &&
        (connects++ == number || alone)) {
      own.insert(fd);
      thread = call.thread;
      if (made.contains(fd)) found.push_back(made[fd]);
    }
    const bool meanwhile = record.started <= call.at && call.at <= record.ended;
    if (is_wait(call) ? meanwhile : own.contains(fd)) found.push_back(&call);
    if (call.name != "close") continue;
    made.erase(fd);
    connecting.erase(fd);
    own.erase(fd);
  }
  const auto waits_for_others = [&](const Call* call) {
    return is_wait(*call) && !thread.empty() && call->thread != thread;
  };
  std::erase_if(found, waits_for_others);
  return found;
}

}  // namespace

void count_calls(Run& run, const Run& watched) {
  run.call_counts = count(watched.calls);
  run.watched = totals_of(watched).elapsed;
}

std::string calls_table(std::span<const Run> runs) {
  std::vector<std::vector<std::string>> rows{
      {"engine", "call", "calls", "waited", "nothing", "bytes a call"}};
  double least = std::numeric_limits<double>::max();
  double most = 0;
  for (const Run& run : runs) {
    for (const CallCount& each : run.call_counts) {
      const bool first = &each == &run.call_counts.front();
      const auto bytes = each.moving == 0 ? "" : std::to_string(each.bytes / each.moving);
      rows.push_back({first ? run.engine : "", each.name, std::to_string(each.calls),
                      std::to_string(each.waited), std::to_string(each.nothing), bytes});
    }
    const auto elapsed = totals_of(run).elapsed;
    if (run.call_counts.empty() || elapsed <= base::Duration::zero()) continue;
    least = std::min(least, base::seconds(run.watched) / base::seconds(elapsed));
    most = std::max(most, base::seconds(run.watched) / base::seconds(elapsed));
  }
  if (most == 0) return base::table(rows, 2);  // none has run twice
  return base::table(rows, 2) +
         fmt::format(
             "Of further runs that strace watched, which took {:.2f} to {:.2f} times as "
             "long. Waited: for 1 ms or longer.\n",
             least, most);
}

std::string calls_of_task(const Run& watched, std::size_t task) {
  const fetch::Record& record = watched.records.at(task);
  auto text =
      fmt::format("{}, task {}, seconds from its start, under strace:\n", watched.engine, task + 1);
  std::size_t arrived = 0;
  const auto& arrivals = record.arrivals.times();
  const auto calls = calls_of(watched, record);
  const auto line = [&](base::TimePoint at, std::string_view what, std::string_view rest) {
    fmt::format_to(std::back_inserter(text), "{:12.6f}  {:<14}  {}",
                   base::seconds(at - record.started), what, rest);
    boost::trim_right(text);
    text += '\n';
  };
  for (std::size_t at = 0; at < calls.size(); ++at) {
    const Call& call = *calls[at];
    const auto next = [&] { return arrived < arrivals.size() ? arrivals[arrived] : base::never; };
    while (next() <= call.at) line(arrivals[arrived++], "* arrival", "");
    std::size_t times = 1;
    const auto is_like = [&](const Call& other) {
      return other.name == call.name && outcome(other) == outcome(call) && other.at < next();
    };
    while (at + 1 < calls.size() && is_like(*calls[at + 1])) ++at, ++times;
    const auto took = calls[at]->at + calls[at]->took - call.at;
    line(call.at, call.name,
         fmt::format("{:<14}  {:9.6f} s{}", outcome(call), base::seconds(took),
                     times == 1 ? "" : fmt::format(", {} calls", times)));
  }
  return text;
}

}  // namespace poetry::get::report
