// Standard output, where the tools' data goes, and standard error, where they tell of it.
#pragma once

#include <string_view>

namespace poetry::cli {

/// Writes all bytes to a descriptor, waiting where it is non-blocking.
/// Raises std::system_error naming `name`; EPIPE too, which guarded_main() ends quietly.
void write_all(int fd, std::string_view bytes, std::string_view name);

/// write_all() to standard output.
void write_standard_output(std::string_view bytes);
/// The same to standard error.
void write_standard_error(std::string_view bytes);

}  // namespace poetry::cli
