// What every tool's main does around its own work: errors to one line and an exit status.
#pragma once

#include <functional>
#include <string>

namespace poetry::cli {

/// The exit statuses of all tools.
enum ExitStatus : int {
  exit_ok = 0,
  exit_failure = 1,       ///< a failure; for poetry-get some failed or the output failed
  exit_usage = 2,         ///< a usage error
  exit_none = 3,          ///< poetry-get: nothing was fetched
  exit_interrupted = 130  ///< ended by SIGINT or SIGTERM
};

/// Ends as a program that did not handle SIGPIPE would, so that a shell sees what it expects.
[[noreturn]] void end_by_closed_pipe();

/// Runs `body` and returns its status; a UsageError is printed as "TOOL: what: offender" and
/// "Try 'TOOL --help'." (2), any other exception as "TOOL: what" (1), of a Failure
/// with its remedy in a second line. A closed pipe on standard
/// output ends the process by SIGPIPE. A standard stream that is closed stays unusable, and its
/// number is given to no file. `command` is the one of the tool's that is carried out,
/// whose help is named instead.
int guarded_main(const std::string& tool, const std::function<int()>& body,
                 const std::string& command = "");

}  // namespace poetry::cli
