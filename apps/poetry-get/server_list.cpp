#include "server_list.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <span>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace poetry::get {
namespace {

constexpr std::size_t max_line = 1024;  // the longest name of a host takes a quarter of it
constexpr std::size_t max_shown = 200;  // of a bad line
constexpr std::string_view blank = " \t\r\v\f";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// A bad line may hold anything, also what a terminal would obey.
std::string shown(std::string_view text) {
  std::string result;
  for (const char each : text.substr(0, max_shown)) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte >= 0x20 && byte < 0x7f) {
      result += each;
    } else {
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", byte);
    }
  }
  return text.size() > max_shown ? result + "..." : result;
}

/// Reads one list and adds its servers.
class ListReader {
 public:
  ListReader(const std::string& path, std::vector<net::HostPort>& servers)
      : name_(path == "-" ? "standard input" : path), servers_(servers) {
    if (path == "-") return;
    file_ = base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_) base::throw_errno("read", path);
  }

  void read() {
    std::array<char, std::size_t{64} << 10> piece;
    while (const std::size_t count = read_some(piece)) take({piece.data(), count});
    if (anything_) end_line();
  }

 private:
  std::size_t read_some(std::span<char> room) {
    const int fd = file_ ? file_.get() : STDIN_FILENO;
    for (;;) {
      const auto count = ::read(fd, room.data(), room.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == EAGAIN) {
        pollfd readable{fd, POLLIN, 0};
        ::poll(&readable, 1, -1);
      } else if (errno != EINTR) {
        base::throw_errno("read", name_);
      }
    }
  }

  void take(std::string_view text) {
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      add_to_line(text.substr(0, end));
      if (end == text.size()) return;
      end_line();
      text.remove_prefix(end + 1);
    }
  }

  // Of what may be endless, blanks before a server and comments, nothing is kept.
  void add_to_line(std::string_view text) {
    anything_ = anything_ || !text.empty();
    if (comment_) return;
    const auto hash = text.find('#');
    comment_ = hash != std::string_view::npos;
    text = text.substr(0, hash);
    if (line_.empty()) text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
    line_.append(text.substr(0, max_line + 1 - line_.size()));
    if (line_.size() > max_line) {
      throw base::UsageError(
          place(), "a line of more than " + std::to_string(max_line) + " bytes: " + shown(line_));
    }
  }

  void end_line() {
    std::string_view text = line_;
    if (number_ == 1 && text.starts_with(byte_order_mark)) {
      text.remove_prefix(byte_order_mark.size());
    }
    text = text.substr(0, text.find_last_not_of(blank) + 1);
    if (!text.empty()) add_server(text);
    line_.clear();
    comment_ = anything_ = false;
    ++number_;
  }

  void add_server(std::string_view text) {
    try {
      servers_.push_back(net::parse_host_port(text));
    } catch (const base::UsageError& error) {
      throw base::UsageError(place(), shown(error.what()));
    }
    if (servers_.size() > max_tasks) {
      throw base::UsageError(place(), "more than " + std::to_string(max_tasks) + " servers");
    }
  }

  [[nodiscard]] std::string place() const { return name_ + ":" + std::to_string(number_); }

  std::string name_;
  std::vector<net::HostPort>& servers_;
  base::Fd file_;
  std::size_t number_ = 1;  // of the line at hand
  std::string line_;        // without leading blanks and comment
  bool anything_ = false;   // whether it has begun at all
  bool comment_ = false;    // whether its comment has
};

}  // namespace

std::vector<net::HostPort> listed_servers(const GetOptions& options) {
  std::vector<net::HostPort> servers = options.servers;
  if (std::count(options.from.begin(), options.from.end(), "-") > 1) {
    throw base::UsageError("standard input is read only once", "--from -");
  }
  for (const auto& path : options.from) ListReader(path, servers).read();
  if (servers.size() > max_tasks / options.repeat) {
    throw base::UsageError("more than " + std::to_string(max_tasks) + " tasks",
                           fmt::format("{} servers, --repeat {}", servers.size(), options.repeat));
  }
  return servers;
}

}  // namespace poetry::get
