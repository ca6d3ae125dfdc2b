// The log of the process: a line a call, made into text only where its level is told. cli/log says
// where the lines go and how they look; until it has, spdlog's own default does. From any thread.
#pragma once

#include <fmt/core.h>

#include <concepts>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace poetry::base {

/// By the numbers that spdlog has for them.
enum class LogLevel { debug = 1, info, warn, error };

/// What a line says beside its message: behind it in text, as in "port=10000", and a member of its
/// own in JSON. Lives for the call.
struct Fact {
  Fact(std::string_view its_name, std::string_view value);
  template <std::integral Number>
  Fact(std::string_view its_name, Number value) : name(its_name), text(std::to_string(value)) {}
  /// "1.500s"; in JSON a number of seconds.
  Fact(std::string_view its_name, Duration value);

  std::string_view name;
  std::string text;
  std::string json = text;  ///< the value as JSON
};

/// Whether lines of this level are told, which spares making what would go into them.
bool is_logged(LogLevel level);

/// One function for all lines, so that a file which logs is not compiled together with spdlog.
void log_line(LogLevel level, fmt::string_view format, fmt::format_args arguments);

/// A message of fixed words, and what it says of this case.
void log_facts(LogLevel level, std::string_view message, std::initializer_list<Fact> facts);

/// Answers who asked, whatever the level: in text as `text`, in JSON by the facts.
void log_answer(std::string_view message, std::string_view text, std::span<const Fact> facts);

/// For who formats the line that is being logged in this thread: its message and facts; no facts
/// where it is text alone.
struct LoggedFacts {
  std::string_view message;
  std::span<const Fact> facts;
};
LoggedFacts facts_of_line();

/// Before a process ends by other ways than main's: what was logged is written, unless its reader
/// stands still.
void flush_log();

template <LogLevel Level>
struct LogLine {
  template <typename... Arguments>
  void operator()(fmt::format_string<Arguments...> format, const Arguments&... arguments) const {
    log_line(Level, format, fmt::make_format_args(arguments...));
  }
};

inline constexpr LogLine<LogLevel::debug> log_debug;
inline constexpr LogLine<LogLevel::info> log_info;
inline constexpr LogLine<LogLevel::warn> log_warn;
inline constexpr LogLine<LogLevel::error> log_error;

}  // namespace poetry::base
