#include "base/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include "base/json.hpp"

namespace poetry::base {
namespace {

thread_local LoggedFacts logged_facts;

spdlog::level::level_enum level_of(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(level);
}

}  // namespace

Fact::Fact(std::string_view its_name, std::string_view value)
    : name(its_name), text(value), json(json_string(value)) {}

Fact::Fact(std::string_view its_name, Duration value)
    : name(its_name),
      text(fmt::format("{:.3f}s", seconds(value))),
      json(text.substr(0, text.size() - 1)) {}

bool is_logged(LogLevel level) { return spdlog::should_log(level_of(level)); }

void log_line(LogLevel level, fmt::string_view format, fmt::format_args arguments) {
  if (!is_logged(level)) return;
  fmt::memory_buffer text;  // has room for most lines, which can be told where there is no memory
  fmt::vformat_to(fmt::appender(text), format, arguments);
  spdlog::log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
}

void log_facts(LogLevel level, std::string_view message, std::initializer_list<Fact> facts) {
  if (!is_logged(level)) return;
  std::string text(message);
  for (const auto& fact : facts) text.append(" ").append(fact.name).append("=").append(fact.text);
  logged_facts = {message, {facts.begin(), facts.size()}};
  spdlog::log(level_of(level), text);
  logged_facts = {};
}

void log_answer(std::string_view message, std::string_view text, std::span<const Fact> facts) {
  const auto& logger = *spdlog::default_logger_raw();
  logged_facts = {message, facts};
  for (const auto& sink : logger.sinks())
    sink->log({logger.name(), spdlog::level::info, {text.data(), text.size()}});
  logged_facts = {};
}

LoggedFacts facts_of_line() { return logged_facts; }

void flush_log() { spdlog::default_logger_raw()->flush(); }

}  // namespace poetry::base
