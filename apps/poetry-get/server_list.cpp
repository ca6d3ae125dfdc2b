#include "server_list.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <cerrno>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"
#include "base/unescape.hpp"

namespace poetry::get {
namespace {

constexpr std::size_t max_line = std::size_t{8} << 10;  // with a text to send
constexpr std::size_t max_shown = 200;                  // of a bad line
constexpr std::string_view blank = " \t\r\v\f";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// What messages call it.
std::string input_name(const std::string& path) { return path == "-" ? "standard input" : path; }

// Hands over what a file holds, or standard input for "-", piece by piece, waiting where it is
// non-blocking. Raises std::system_error naming it.
void read_pieces(const std::string& path, const std::function<void(std::string_view)>& take) {
  const base::Fd file(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && path != "-") base::throw_errno("read", path);
  const int fd = file ? file.get() : STDIN_FILENO;
  std::array<char, std::size_t{64} << 10> piece;
  for (;;) {
    const auto count = ::read(fd, piece.data(), piece.size());
    if (count == 0) return;
    if (count > 0) {
      take({piece.data(), static_cast<std::size_t>(count)});
    } else if (errno == EAGAIN) {
      pollfd readable{fd, POLLIN, 0};
      ::poll(&readable, 1, -1);
    } else if (errno != EINTR) {
      base::throw_errno("read", input_name(path));
    }
  }
}

// It is held as long as the tool runs, and sent by every task.
constexpr std::size_t max_sent = std::size_t{64} << 20;

std::string read_text(const std::string& path) {
  std::string text;
  read_pieces(path, [&](std::string_view piece) {
    if (text.size() + piece.size() > max_sent)
      throw base::UsageError("more to send than " + base::format_size(max_sent), "@" + path);
    text += piece;
  });
  return text;
}

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

/// Signs of what is often written in place of a server, and what to write.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> mistakes{
    {{"://", "of schemes only tcp:// (write HOST:PORT, and what to ask with --send)"},
     {"@", "a user has no place in a server (write HOST:PORT)"},
     {"/", "neither networks nor paths are servers (write HOST:PORT for each)"},
     {" ", "a colon stands before the port (write HOST:PORT)"},
     {"\t", "a colon stands before the port (write HOST:PORT)"}}};

void add_servers(std::string_view text, std::vector<net::HostPort>& servers) {
  constexpr std::string_view scheme = "tcp://";
  auto where = text;
  if (where.starts_with(scheme)) {
    where.remove_prefix(scheme.size());
    if (where.ends_with('/')) where.remove_suffix(1);
  }
  for (const auto& [sign, advice] : mistakes)
    if (where.find(sign) != std::string_view::npos) throw base::UsageError(advice, text);
  const auto port = where.rfind(':') + 1;  // 0 where there is no host
  const auto dash = where.find_first_not_of("0123456789", port);
  const bool range = dash != std::string::npos && dash > port && where[dash] == '-' &&
                     where.find_first_not_of("0123456789", dash + 1) == std::string::npos;
  if (!range) return servers.push_back(net::parse_host_port(where));
  net::HostPort each = net::parse_host_port(where.substr(0, dash));
  const auto last =
      net::parse_host_port(std::string(where.substr(0, port)).append(where.substr(dash + 1))).port;
  if (last < each.port) throw base::UsageError("the range of ports ends before it begins", text);
  for (; each.port != last; ++each.port) servers.push_back(each);
  servers.push_back(each);
}

std::string_view trimmed(std::string_view text) {
  return boost::trim_copy_if(text, boost::is_any_of(blank));
}

/// The text up to the next tab, which is taken with it.
std::string_view take_field(std::string_view& text) {
  const auto field = text.substr(0, text.find('\t'));
  text.remove_prefix(std::min(field.size() + 1, text.size()));
  return field;
}

/// Adds the servers of one list, which it takes piece by piece.
class ListReader {
 public:
  ListReader(const std::string& path, std::vector<fetch::Server>& servers)
      : name_(input_name(path)), servers_(servers) {}

  void take(std::string_view text) {
    for (const char each : text) {
      if (each == '\n') {
        end_line();
      } else if (!comment_) {
        add_to_line(each);
      }
    }
  }

  void end_line() {
    std::string_view text = line_;
    if (number_ == 1 && text.starts_with(byte_order_mark))
      text.remove_prefix(byte_order_mark.size());
    text = boost::trim_right_copy_if(text, boost::is_any_of(blank));
    if (!text.empty()) add_server(text);
    line_.clear();
    tabs_ = 0;
    comment_ = false;
    ++number_;
  }

 private:
  // Of what may be endless, blanks before a server and comments, nothing is kept. Within a text to
  // send, which is the third field, nothing begins a comment.
  void add_to_line(char each) {
    comment_ = each == '#' && (tabs_ < 2 || line_.back() == '\t');
    const bool leads = line_.empty() && blank.find(each) != std::string_view::npos;
    if (comment_ || leads) return;
    if (each == '\t') ++tabs_;
    line_ += each;
    if (line_.size() > max_line) {
      throw base::UsageError(
          place(), "a line of more than " + std::to_string(max_line) + " bytes: " + shown(line_));
    }
  }

  void add_server(std::string_view line) {
    try {
      const auto more = parse_servers(trimmed(take_field(line)));
      fetch::Details details{std::string(trimmed(take_field(line))), {}, {}};
      if (!line.empty()) details.send = base::unescape(line);
      std::shared_ptr<const fetch::Details> shared;
      if (!details.label.empty() || details.send)
        shared = std::make_shared<const fetch::Details>(std::move(details));
      for (const auto& where : more) servers_.push_back({where, shared});
    } catch (const base::UsageError& error) {
      throw base::UsageError(place(), shown(error.what()));
    }
    if (servers_.size() > max_tasks)
      throw base::UsageError(place(), "more than " + std::to_string(max_tasks) + " servers");
  }

  [[nodiscard]] std::string place() const { return name_ + ":" + std::to_string(number_); }

  std::string name_;
  std::vector<fetch::Server>& servers_;
  std::size_t number_ = 1;  // of the line at hand
  std::string line_;        // without leading blanks and comment
  int tabs_ = 0;            // in it
  bool comment_ = false;    // whether its comment has begun
};

}  // namespace

std::vector<net::HostPort> parse_servers(std::string_view text) {
  std::vector<std::string> parts;
  boost::split(parts, text, [](char each) { return each == ','; });
  std::vector<net::HostPort> servers;
  for (const auto& part : parts) {
    add_servers(part, servers);
    if (servers.size() <= max_tasks) continue;
    throw base::UsageError("more than " + std::to_string(max_tasks) + " servers", part);
  }
  return servers;
}

std::vector<fetch::Server> listed_servers(const GetOptions& options) {
  std::vector<fetch::Server> servers;
  for (const auto& where : options.servers) servers.push_back({where, nullptr});
  if (std::count(options.from.begin(), options.from.end(), "-") > 1)
    throw base::UsageError("standard input is read only once", "--from -");
  for (const auto& path : options.from) {
    ListReader list(path, servers);
    read_pieces(path, [&list](std::string_view piece) { list.take(piece); });
    list.end_line();
  }
  if (servers.size() > max_tasks / options.repeat) {
    throw base::UsageError("more than " + std::to_string(max_tasks) + " tasks",
                           fmt::format("{} servers, --repeat {}", servers.size(), options.repeat));
  }
  return servers;
}

std::optional<std::string> read_send(const GetOptions& options) {
  if (!options.send) return std::nullopt;
  return options.send->starts_with('@') ? read_text(options.send->substr(1))
                                        : base::unescape(*options.send);
}

}  // namespace poetry::get
