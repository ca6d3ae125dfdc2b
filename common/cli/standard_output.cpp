#include "cli/standard_output.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"

namespace poetry {

void write_all(int fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const auto count = ::write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      throw_errno("write to", name);
    }
  }
}

void write_standard_output(std::string_view bytes) {
  write_all(STDOUT_FILENO, bytes, "standard output");
}

}  // namespace poetry
