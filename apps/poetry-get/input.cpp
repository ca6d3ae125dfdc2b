#include "input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"

namespace poetry::get {
namespace {

// It is held as long as the tool runs, and sent by every task.
constexpr std::size_t max_sent = std::size_t{64} << 20;

std::string read_text(const std::string& path) {
  std::string text;
  read_pieces(path, [&](std::string_view piece) {
    if (text.size() + piece.size() > max_sent) {
      throw base::UsageError("more to send than " + base::format_size(max_sent), "@" + path);
    }
    text += piece;
  });
  return text;
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

std::string input_name(const std::string& path) { return path == "-" ? "standard input" : path; }

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
    if (length == 0) throw base::UsageError("not a C escape", text.substr(0, 2));
    result += byte;
    text.remove_prefix(1 + length);
  }
  return result;
}

std::optional<std::string> read_send(const GetOptions& options) {
  if (!options.send) return std::nullopt;
  return options.send->starts_with('@') ? read_text(options.send->substr(1))
                                        : unescape(*options.send);
}

}  // namespace poetry::get
