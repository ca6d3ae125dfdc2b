// Standard output, where the tools' data goes, and standard error, where they tell of it.
#pragma once

#include <unistd.h>

#include <string>
#include <string_view>
#include <system_error>

#include "base/fd.hpp"

namespace poetry::cli {

/// Writes all bytes to a descriptor, waiting where it is non-blocking.
/// Raises std::system_error naming `name`; EPIPE too, which guarded_main() ends quietly.
inline void write_all(int fd, std::string_view bytes, std::string_view name) {
  const auto error = base::write_fully(fd, bytes);
  if (error) throw std::system_error(error, "write to " + std::string(name));
}

inline void write_standard_output(std::string_view bytes) {
  write_all(STDOUT_FILENO, bytes, "standard output");
}

inline void write_standard_error(std::string_view bytes) {
  write_all(STDERR_FILENO, bytes, "standard error");
}

}  // namespace poetry::cli
