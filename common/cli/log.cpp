#include "cli/log.hpp"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/terminal.hpp"
#include "cli/log_queue.hpp"

namespace poetry::cli {
namespace {

/// The message as a JSON string, quotes included, and each fact as a member behind it.
class JsonMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& buffer) override {
    const auto put = [&buffer](std::string_view text) {
      buffer.append(text.data(), text.data() + text.size());
    };
    const auto logged = base::facts_of_line();
    const std::string_view text(message.payload.data(), message.payload.size());
    put(base::json_string(logged.facts.empty() ? text : logged.message));
    for (const auto& fact : logged.facts) {
      put(",");
      put(base::json_string(fact.name));
      put(":");
      put(fact.json);
    }
  }
  [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMessage>();
  }
};

spdlog::sink_ptr make_sink(const LogOptions& options) {
  if (!options.file.empty()) {
    return base::with_remedy(base::path_remedy, [&options] {
      // O_NONBLOCK: a FIFO without a reader is an error, and nothing to wait for.
      base::Fd file(::open(options.file.c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                           0666));
      if (!file) base::throw_errno("open", options.file);
      return make_log_queue(std::move(file), base::Colours::no);
    });
  }
  return make_log_queue(base::Fd(STDERR_FILENO), base::terminal_colours(STDERR_FILENO));
}

}  // namespace

void set_up_log(const LogOptions& options, const std::string& tool) {
  auto logger = std::make_shared<spdlog::logger>(tool, make_sink(options));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<JsonMessage>('*');
  formatter->set_pattern(options.format == "json"
                             ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})"
                             : "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::from_str(options.level));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace poetry::cli
