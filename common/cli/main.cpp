#include "cli/main.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <system_error>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/shown_text.hpp"
#include "cli/standard_output.hpp"

namespace poetry::cli {
namespace {

void complain(const std::string& text) {
  try {
    write_standard_error(text);
  } catch (const std::system_error&) {
    return;  // nowhere is left to say it
  }
}

// What a user gave stays on its line, and cannot command the terminal.
std::string shown(const std::exception& error) { return base::shown_utf8(error.what()); }

/// Takes the numbers of standard streams that are closed (cron, daemons), so that no file of ours
/// ever has one of them: what is written there fails, as it would have.
void occupy_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    [[maybe_unused]] const int opened =  // the lowest number that is free, and so this one
        ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

void end_by_closed_pipe() {
  base::flush_log();
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
  ::_exit(128 + SIGPIPE);
}

int guarded_main(const std::string& tool, const std::function<int()>& body,
                 const std::string& command) {
  occupy_standard_streams();
  try {
    return body();
  } catch (const base::UsageError& error) {
    const auto helped = command.empty() ? tool : tool + " " + command;
    complain(tool + ": " + shown(error) + "\nTry '" + helped + " --help'.\n");
    return exit_usage;
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::broken_pipe) end_by_closed_pipe();
    complain(tool + ": " + shown(error) + "\n");
  } catch (const base::Failure& error) {
    complain(tool + ": " + shown(error) + "\n      " + error.remedy() + "\n");
  } catch (const std::exception& error) {
    complain(tool + ": " + shown(error) + "\n");
  }
  return exit_failure;
}

}  // namespace poetry::cli
