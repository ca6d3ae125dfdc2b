#include "base/log.hpp"

#include <spdlog/spdlog.h>

namespace poetry::base {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

bool is_logged(LogLevel level) { return spdlog::should_log(level_of(level)); }

void log_line(LogLevel level, fmt::string_view format, fmt::format_args arguments) {
  if (is_logged(level)) spdlog::log(level_of(level), fmt::vformat(format, arguments));
}

}  // namespace poetry::base
