// Sets up spdlog's default logger, which the whole process logs to.
#pragma once

#include <string>

namespace poetry::cli {

struct LogOptions {
  std::string level = "info";   ///< trace, debug, info, warn, error, off
  std::string file;             ///< empty: standard error
  std::string format = "text";  ///< text, or json: one object a line with time, level, message
};

/// Raises std::system_error naming the file where it cannot be opened.
void set_up_log(const LogOptions& options, const std::string& tool);

}  // namespace poetry::cli
