#include "trace.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/regex.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>

#include "base/error.hpp"

namespace poetry::get {
namespace {

using report::Call;

// What is about sockets, and what waits; strace passes over those that an architecture lacks.
constexpr std::string_view watched =
    "?socket,?connect,?shutdown,?close,?setsockopt,?getsockopt,?sendto,?recvfrom,?sendmsg,?recvmsg,"
    "?read,?readv,?write,?writev,?select,?pselect6,?poll,?ppoll,?epoll_create1,?epoll_ctl,"
    "?epoll_wait,?epoll_pwait,?epoll_pwait2,?eventfd2,?timerfd_create,?timerfd_settime,"
    "?io_uring_setup,?io_uring_enter,?io_uring_register,?clone,?clone3";
// Written in vain, so that nobody but who watches sees them.
constexpr std::string_view begin_mark = "poetry-get begins";
constexpr std::string_view end_mark = "poetry-get ends";

std::string strace(const std::string& rest) {
  return "exec strace -f -qq -ttt -T -s 20 -e signal=none -e trace='" + std::string(watched) +
         "' " + rest;
}

bool is_watched(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("TracerPid:")) return !line.ends_with("\t0");
  return false;
}

std::string path_of(const base::Fd& file) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file.get());
}

[[noreturn]] void throw_unwatched() {
  throw std::runtime_error(
      "--calls: strace cannot watch here: install it, and see that ptrace(2) is permitted");
}

/// What epoll_ctl(2) is about is its third argument; with the others it is the first.
int descriptor_in(const Call& call) {
  const auto at = call.name == "epoll_ctl" ? call.arguments.find(", ", 5) + 2 : 0;
  return std::atoi(call.arguments.substr(at).c_str());
}

/// Reads the lines of strace -f -ttt -T. A call that was broken off goes on in a later line of the
/// same thread.
class CallReader {
 public:
  void take(const std::string& line) {
    static const boost::regex form(R"((\d+ +)?(\d+\.\d+) (?:<\.\.\. )?(\w+)(\(| resumed>)(.*))");
    static const boost::regex end(R"(\) += (-?\d+)(?: (E\w+))?[^"]*<(\d+\.\d+)>$)");
    boost::smatch parts;
    if (!boost::regex_match(line, parts, form)) return;
    auto& call = open_[parts[1].str()];
    if (parts[4] == "(") {
      call = {.thread = parts[1].str(),
              .at = base::TimePoint(nanoseconds(parts[2].str()) - clocks_apart_),
              .name = parts[3].str(),
              .arguments = parts[5].str()};
    }
    const auto rest = parts[5].str();
    if (!boost::regex_search(rest, parts, end)) return;
    call.result = std::stoll(parts[1].str());
    call.error = parts[2].str();
    call.took = nanoseconds(parts[3].str());
    call.descriptor = call.name == "socket" ? static_cast<int>(call.result) : descriptor_in(call);
    calls.push_back(call);
  }

  std::vector<Call> calls;

 private:
  static base::Duration nanoseconds(const std::string& seconds) {
    return std::chrono::round<base::Duration>(std::chrono::duration<double>(std::stod(seconds)));
  }

  // strace tells the time of day.
  const base::Duration clocks_apart_ =
      std::chrono::system_clock::now().time_since_epoch() - base::Clock::now().time_since_epoch();
  std::map<std::string, Call> open_;  // by thread
};

void mark(std::string_view text) { std::ignore = ::write(-1, text.data(), text.size()); }

}  // namespace

void Trace::require() {
  if (std::system(strace("-o /dev/null true 2>/dev/null").c_str()) != 0) throw_unwatched();
}

void Trace::mark_begin() { mark(begin_mark); }
void Trace::mark_end() { mark(end_mark); }

Trace::Trace(pid_t process, const net::Signals& signals)
    : output_(base::opened(::memfd_create("calls", MFD_CLOEXEC), "keep", "system calls")),
      strace_(strace("-o " + path_of(output_) + " -p " + std::to_string(process)), {},
              signals.previous_mask()) {
  while (!is_watched(process)) {
    if (strace_.reap()) throw_unwatched();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::vector<Call> Trace::take() {
  strace_.wait();
  CallReader reader;
  std::ifstream lines(path_of(output_));
  for (std::string line; std::getline(lines, line);) reader.take(line);
  auto& calls = reader.calls;
  std::ranges::stable_sort(calls, {}, &Call::at);
  const auto find = [&](std::string_view text) {
    return std::ranges::find_if(calls, [text](const Call& call) {
      return call.name == "write" && call.arguments.find(text) != std::string::npos;
    });
  };
  calls.erase(find(end_mark), calls.end());
  if (const auto begin = find(begin_mark); begin != calls.end())
    calls.erase(calls.begin(), begin + 1);
  return std::move(calls);
}

}  // namespace poetry::get
