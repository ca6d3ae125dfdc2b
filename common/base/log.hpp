// The log of the process: a line a call, made into text only where its level is told. cli/log says
// where the lines go and how they look; until it has, spdlog's own default does. From any thread.
#pragma once

#include <fmt/core.h>

namespace poetry::base {

enum class LogLevel { debug, info, warn, error };

/// Whether lines of this level are told, which spares making what would go into them.
bool is_logged(LogLevel level);

/// One function for all lines, so that a file which logs is not compiled together with spdlog.
void log_line(LogLevel level, fmt::string_view format, fmt::format_args arguments);

template <typename... Arguments>
void log_debug(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  log_line(LogLevel::debug, format, fmt::make_format_args(arguments...));
}

template <typename... Arguments>
void log_info(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  log_line(LogLevel::info, format, fmt::make_format_args(arguments...));
}

template <typename... Arguments>
void log_warn(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  log_line(LogLevel::warn, format, fmt::make_format_args(arguments...));
}

template <typename... Arguments>
void log_error(fmt::format_string<Arguments...> format, const Arguments&... arguments) {
  log_line(LogLevel::error, format, fmt::make_format_args(arguments...));
}

}  // namespace poetry::base
