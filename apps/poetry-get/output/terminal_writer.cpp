#include "output/terminal_writer.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/shown_text.hpp"
#include "base/terminal.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"

namespace poetry::get::output {
namespace {

bool same_terminal(int one, int two) {
  struct stat first {};
  struct stat second {};
  return ::isatty(one) == 1 && ::isatty(two) == 1 && ::fstat(one, &first) == 0 &&
         ::fstat(two, &second) == 0 && first.st_rdev == second.st_rdev;
}

// A terminal that is not ours to control has no background.
bool in_background() {
  const pid_t foreground = ::tcgetpgrp(STDERR_FILENO);
  return foreground > 0 && foreground != ::getpgrp();
}

}  // namespace

TerminalWriter::TerminalWriter(Quiet quiet, Raw raw)
    : shows_progress_(quiet == Quiet::no && base::is_terminal(STDERR_FILENO)),
      shared_(same_terminal(STDOUT_FILENO, STDERR_FILENO)) {
  if (raw == Raw::no && ::isatty(STDOUT_FILENO) == 1) harmless_.emplace();
}

TerminalWriter::~TerminalWriter() { show({}); }

std::size_t TerminalWriter::width() const { return base::window_width(STDERR_FILENO) - 1; }

void TerminalWriter::show(std::string line) {
  if (!shows_progress_) return;
  const std::lock_guard lock(mutex_);
  const auto before = eraser();
  line_ = std::move(line);
  put(before + drawn());
}

void TerminalWriter::tell(std::string_view event) {
  const std::lock_guard lock(mutex_);
  auto text = in_midst_of_line_ ? "\n" : eraser();
  text.append(base::shown_utf8(event)).append("\n");
  in_midst_of_line_ = false;
  put(text + drawn());
}

void TerminalWriter::print(std::string_view bytes) {
  if (!shared_) {
    write(bytes);
    return;
  }
  const std::lock_guard lock(mutex_);
  put(eraser());
  write(bytes);
  in_midst_of_line_ = !bytes.empty() && bytes.back() != '\n';
  put(drawn());
}

// A closed pipe ends the process at once, and not at the next event, which may be far away.
void TerminalWriter::write(std::string_view bytes) {
  try {
    cli::write_standard_output(harmless_ ? harmless_->pass(bytes) : bytes);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::broken_pipe) throw;
    const std::lock_guard lock(mutex_);
    put(eraser());
    cli::end_by_closed_pipe();
  }
}

void TerminalWriter::put(std::string_view text) {
  try {
    cli::write_all(STDERR_FILENO, text, "standard error");
  } catch (const std::system_error&) {
    return;  // events and progress are no part of the result
  }
}

// ECMA-48: CR, then "erase in line" to its end.
std::string TerminalWriter::eraser() const { return visible_ ? "\r\x1b[K" : ""; }

std::string TerminalWriter::drawn() {
  visible_ = !line_.empty() && !(shared_ && in_midst_of_line_) && !in_background();
  return visible_ ? line_ : "";
}

}  // namespace poetry::get::output
