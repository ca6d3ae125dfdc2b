#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

#include <array>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "options.hpp"

namespace poetry {
namespace {

std::string read_all(const std::string& path) {
  const Fd opened(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened && path != "-") throw_errno("read", path);
  const int fd = opened ? opened.get() : STDIN_FILENO;
  std::string text;
  std::array<char, 65536> piece;
  for (;;) {
    const auto count = ::read(fd, piece.data(), piece.size());
    if (count < 0 && errno != EINTR) throw_errno("read", path == "-" ? "standard input" : path);
    if (count == 0) return text;
    if (count > 0) text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

void read_servers(const std::string& path, std::vector<HostPort>& servers) {
  const std::string text = read_all(path);
  std::size_t number = 0;
  for (std::string_view left = text; !left.empty();) {
    const auto end = std::min(left.find('\n'), left.size());
    const auto line = trimmed(left.substr(0, std::min(left.find('#'), end)));
    left.remove_prefix(std::min(end + 1, left.size()));
    ++number;
    if (line.empty()) continue;
    try {
      servers.push_back(parse_host_port(line));
    } catch (const UsageError& error) {
      throw UsageError((path == "-" ? "standard input" : path) + ":" + std::to_string(number),
                       error.what());
    }
  }
}

/// The byte of a numeric escape and how many characters it takes, none where it is not one.
std::pair<char, std::size_t> numeric_escape(std::string_view text) {
  const bool hexadecimal = text.starts_with('x');
  const auto digits = text.substr(hexadecimal ? 1 : 0, hexadecimal ? 2 : 3);
  const std::string_view valid = hexadecimal ? "0123456789abcdefABCDEF" : "01234567";
  const auto count = std::min(digits.find_first_not_of(valid), digits.size());
  if (count == 0) return {0, 0};
  const auto value =
      std::stoul(std::string(digits.substr(0, count)), nullptr, hexadecimal ? 16 : 8);
  if (value > 255) return {0, 0};
  return {static_cast<char>(value), count + (hexadecimal ? 1 : 0)};
}

}  // namespace

std::string unescape(std::string_view text) {
  constexpr std::string_view names = "ntrabfv\\'\"?e";
  constexpr std::string_view bytes = "\n\t\r\a\b\f\v\\'\"?\x1b";
  std::string result;
  while (!text.empty()) {
    const auto plain = text.substr(0, text.find('\\'));
    result += plain;
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    const auto name = text.size() > 1 ? names.find(text[1]) : std::string_view::npos;
    if (name != std::string_view::npos) {
      result += bytes[name];
      text.remove_prefix(2);
      continue;
    }
    const auto [byte, length] = numeric_escape(text.substr(1));
    if (length == 0) throw UsageError("not a C escape", text.substr(0, 2));
    result += byte;
    text.remove_prefix(1 + length);
  }
  return result;
}

std::optional<std::string> read_send(const GetOptions& options) {
  if (!options.send) return std::nullopt;
  return options.send->starts_with('@') ? read_all(options.send->substr(1))
                                        : unescape(*options.send);
}

std::vector<HostPort> servers_of(const GetOptions& options) {
  std::vector<HostPort> listed = options.servers;
  for (const auto& path : options.from) read_servers(path, listed);
  if (listed.empty()) throw UsageError("no server given", "[HOST:]PORT");
  std::vector<HostPort> servers;
  for (const auto& server : listed) servers.insert(servers.end(), options.repeat, server);
  return servers;
}

}  // namespace poetry
