#include "cli/main.hpp"

#include <csignal>
#include <exception>
#include <system_error>

#include "base/error.hpp"
#include "base/shown_text.hpp"
#include "base/utf8.hpp"
#include "cli/standard_output.hpp"

namespace poetry::cli {
namespace {

/// Ends as a program that did not handle SIGPIPE would, so that a shell sees what it expects.
void die_of_closed_pipe() {
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

void complain(const std::string& text) {
  try {
    write_all(2, text, "standard error");
  } catch (const std::system_error&) {
    return;  // nowhere is left to say it
  }
}

// What a user gave stays on its line, and cannot command the terminal.
std::string shown(const std::exception& error) {
  return base::to_utf8(base::shown_text(error.what()));
}

}  // namespace

int guarded_main(const std::string& tool, const std::function<int()>& body,
                 const std::string& command) {
  try {
    return body();
  } catch (const base::UsageError& error) {
    const auto helped = command.empty() ? tool : tool + " " + command;
    complain(tool + ": " + shown(error) + "\nTry '" + helped + " --help'.\n");
    return exit_usage;
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::broken_pipe) die_of_closed_pipe();
    complain(tool + ": " + shown(error) + "\n");
  } catch (const std::exception& error) {
    complain(tool + ": " + shown(error) + "\n");
  }
  return exit_failure;
}

}  // namespace poetry::cli
