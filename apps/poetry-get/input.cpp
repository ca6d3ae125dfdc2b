#include "input.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"
#include "base/unescape.hpp"

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

std::optional<std::string> read_send(const GetOptions& options) {
  if (!options.send) return std::nullopt;
  return options.send->starts_with('@') ? read_text(options.send->substr(1))
                                        : base::unescape(*options.send);
}

}  // namespace poetry::get
