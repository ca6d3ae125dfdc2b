#include "cli/standard_output.hpp"

#include <unistd.h>

#include <string>
#include <system_error>

#include "base/write_fully.hpp"

namespace poetry::cli {

void write_all(int fd, std::string_view bytes, std::string_view name) {
  const auto error = base::write_fully(fd, bytes);
  if (error) throw std::system_error(error, "write to " + std::string(name));
}

void write_standard_output(std::string_view bytes) {
  write_all(STDOUT_FILENO, bytes, "standard output");
}

void write_standard_error(std::string_view bytes) {
  write_all(STDERR_FILENO, bytes, "standard error");
}

}  // namespace poetry::cli
