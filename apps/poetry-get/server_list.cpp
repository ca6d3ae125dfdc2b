#include "server_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/unescape.hpp"
#include "input.hpp"

namespace poetry::get {
namespace {

constexpr std::size_t max_line = std::size_t{8} << 10;  // with a text to send
constexpr std::size_t max_shown = 200;                  // of a bad line
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

/// Raises UsageError for what is often written in place of a server.
void refuse_what_is_none(std::string_view where, std::string_view text) {
  const auto has = [where](std::string_view what) { return where.find(what) != std::string::npos; };
  if (has("://")) {
    throw base::UsageError("of schemes only tcp:// (write HOST:PORT, and what to ask with --send)",
                           text);
  }
  if (has("@")) throw base::UsageError("a user has no place in a server (write HOST:PORT)", text);
  if (has("/")) {
    throw base::UsageError("neither networks nor paths are servers (write HOST:PORT for each)",
                           text);
  }
  if (has(" ") || has("\t")) {
    throw base::UsageError("a colon stands before the port (write HOST:PORT)", text);
  }
}

void add_servers(std::string_view text, std::vector<net::HostPort>& servers) {
  constexpr std::string_view scheme = "tcp://";
  auto where = text;
  if (where.starts_with(scheme)) {
    where.remove_prefix(scheme.size());
    if (where.ends_with('/')) where.remove_suffix(1);
  }
  refuse_what_is_none(where, text);
  const auto port = where.rfind(':') + 1;  // 0 where there is no host
  const auto dash = where.find_first_not_of("0123456789", port);
  const bool range = dash != std::string::npos && dash > port && where[dash] == '-' &&
                     where.find_first_not_of("0123456789", dash + 1) == std::string::npos;
  if (!range) {
    servers.push_back(net::parse_host_port(where));
    return;
  }
  net::HostPort each = net::parse_host_port(where.substr(0, dash));
  const auto last =
      net::parse_host_port(std::string(where.substr(0, port)).append(where.substr(dash + 1))).port;
  if (last < each.port) throw base::UsageError("the range of ports ends before it begins", text);
  for (;; ++each.port) {
    servers.push_back(each);
    if (each.port == last) return;
  }
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  return text.substr(0, text.find_last_not_of(blank) + 1);
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
    if (number_ == 1 && text.starts_with(byte_order_mark)) {
      text.remove_prefix(byte_order_mark.size());
    }
    text = text.substr(0, text.find_last_not_of(blank) + 1);
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
    if (servers_.size() > max_tasks) {
      throw base::UsageError(place(), "more than " + std::to_string(max_tasks) + " servers");
    }
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
  std::vector<net::HostPort> servers;
  for (;;) {
    const auto comma = text.find(',');
    add_servers(text.substr(0, comma), servers);
    if (servers.size() > max_tasks) {
      throw base::UsageError("more than " + std::to_string(max_tasks) + " servers",
                             text.substr(0, comma));
    }
    if (comma == std::string_view::npos) return servers;
    text.remove_prefix(comma + 1);
  }
}

std::vector<fetch::Server> listed_servers(const GetOptions& options) {
  std::vector<fetch::Server> servers;
  for (const auto& where : options.servers) servers.push_back({where, nullptr});
  if (std::count(options.from.begin(), options.from.end(), "-") > 1) {
    throw base::UsageError("standard input is read only once", "--from -");
  }
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

}  // namespace poetry::get
