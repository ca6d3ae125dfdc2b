#include "output/terminal_writer.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"

namespace poetry::get::output {
namespace {

// For events that are left where a run has failed.
constexpr base::Duration last_chance = std::chrono::milliseconds(300);
constexpr std::size_t max_untold = std::size_t{64} << 10;  // bytes of events that wait

// A terminal has several names, of the same device.
bool same_file(int one, int two) {
  struct stat first {};
  struct stat second {};
  if (::fstat(one, &first) != 0 || ::fstat(two, &second) != 0) return false;
  if (S_ISCHR(first.st_mode) && S_ISCHR(second.st_mode)) return first.st_rdev == second.st_rdev;
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// A terminal that is not ours to control has no background.
bool in_background() {
  const pid_t foreground = ::tcgetpgrp(STDERR_FILENO);
  return foreground > 0 && foreground != ::getpgrp();
}

}  // namespace

TerminalWriter::TerminalWriter(Quiet quiet, Raw raw)
    : shows_progress_(quiet == Quiet::no && base::is_terminal(STDERR_FILENO)),
      mixed_(same_file(STDOUT_FILENO, STDERR_FILENO)),
      shared_(mixed_ && ::isatty(STDOUT_FILENO) == 1),
      event_writer_([this] { return next_events(); },
                    [this](std::string_view text) { put_lines(text); }) {
  if (raw == Raw::no && ::isatty(STDOUT_FILENO) == 1) harmless_.emplace();
}

TerminalWriter::~TerminalWriter() {
  try {
    flush_events(base::Clock::now() + last_chance);
    show({});
  } catch (const std::exception&) {
    return;  // nowhere is left to say it
  }
}

void TerminalWriter::show(std::string text) {
  if (!shows_progress_) return;
  const std::lock_guard lock(mutex_);
  const auto before = eraser();
  shown_ = std::move(text);
  put(before + drawn());
}

void TerminalWriter::tell(std::string_view event) {
  event_writer_.wake_after([&] {
    if (events_.size() < max_untold) {
      events_.append(base::shown_utf8(event)).append("\n");
    } else {
      ++left_out_;
    }
  });
}

std::string TerminalWriter::next_events() {
  if (events_.empty() && left_out_ > 0) {
    return fmt::format("... and {} left out, as nobody read them\n",
                       base::counted(std::exchange(left_out_, 0), "event"));
  }
  return std::exchange(events_, {});
}

void TerminalWriter::put_lines(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  auto text = in_midst_of_line_ ? "\n" : eraser();
  in_midst_of_line_ = false;
  put(text.append(lines) + drawn());
}

void TerminalWriter::print(std::string_view bytes) {
  const auto shown = harmless_ ? harmless_->pass(bytes) : bytes;
  if (shared_) {
    const std::lock_guard lock(mutex_);
    put(eraser());
    cli::write_standard_output(shown);
    in_midst_of_line_ = !shown.empty() && shown.back() != '\n';
    return put(drawn());
  }
  try {
    cli::write_standard_output(shown);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::broken_pipe) throw;
    // The process ends at once, and not at the next event, which may be far away.
    const std::lock_guard lock(mutex_);
    put(eraser());
    cli::end_by_closed_pipe();
  }
}

void TerminalWriter::put(std::string_view text) {
  try {
    cli::write_standard_error(text);
  } catch (const std::system_error&) {
    return;  // events and progress are no part of the result
  }
}

// ECMA-48: CR, then "erase in line" to its end; or up to the first of several lines, and "erase in
// page" to its end. In a window that has another size by now nobody knows where that is: then the
// whole page.
std::string TerminalWriter::eraser() const {
  const auto lines = std::ranges::count(shown_, '\n');
  if (!visible_) return {};
  if (lines == 0) return "\r\x1b[K";
  if (window_ != base::window_size(STDERR_FILENO)) return "\x1b[H\x1b[2J";
  return fmt::format("\r\x1b[{}A\x1b[J", lines);
}

std::string TerminalWriter::drawn() {
  visible_ = !shown_.empty() && !(shared_ && in_midst_of_line_) && !in_background();
  window_ = base::window_size(STDERR_FILENO);
  return visible_ ? shown_ : "";
}

}  // namespace poetry::get::output
