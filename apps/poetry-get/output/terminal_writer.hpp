// What poetry-get writes while it fetches: poems to standard output, events to standard error, and,
// where that is a terminal, a line of progress that stays below both. Owned by a use of the tool;
// any thread may call it. It leaves no line behind when it goes.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/shown_text.hpp"
#include "base/terminal.hpp"
#include "output/background_writer.hpp"

namespace poetry::get::output {

enum class Quiet { no, yes };
/// Whether a terminal gets what might command it.
enum class Raw { no, yes };

class TerminalWriter {
 public:
  TerminalWriter(Quiet quiet, Raw raw);
  TerminalWriter(const TerminalWriter&) = delete;
  TerminalWriter& operator=(const TerminalWriter&) = delete;
  ~TerminalWriter();

  /// Whether poems and events go to the same file, pipe or terminal.
  [[nodiscard]] bool mixes() const { return mixed_; }
  /// Whether show() shows anything: on a terminal that can, and not where all is to be quiet.
  [[nodiscard]] bool shows_progress() const { return shows_progress_; }
  /// Puts a line of ASCII, or several lines each with its end, in place of what was shown before,
  /// which an empty one erases. It shows nothing in the background, and while the poems on the same
  /// terminal are in the midst of a line.
  void show(std::string text);
  /// Writes an event as a line of its own, without what might command a terminal: soon, by a thread
  /// of its own, so that nobody waits for a reader of standard error. That standard
  /// error cannot be written to is no error.
  void tell(std::string_view event);
  /// Waits until all events are written, but no longer than that: false where some are left.
  bool flush_events(base::TimePoint until) { return event_writer_.flush(until); }
  /// Writes whole lines to standard error at once, as the last one before the progress.
  void put_lines(std::string_view lines);
  /// Writes to standard output. Raises std::system_error; a closed pipe ends the process.
  void print(std::string_view bytes);

 private:
  std::string next_events();
  void put(std::string_view text);
  [[nodiscard]] std::string eraser() const;
  [[nodiscard]] std::string drawn();

  const bool shows_progress_;
  const bool mixed_;
  const bool shared_;                           // the terminal, with the poems
  std::optional<base::HarmlessText> harmless_;  // for poems on a terminal; the printing thread's
  std::mutex mutex_;                            // guards the rest, and the writing
  std::string shown_;
  base::WindowSize window_;  // when it was
  bool visible_ = false;
  bool in_midst_of_line_ = false;
  std::string events_;          // not written yet; like the next, guarded by their writer's mutex
  std::uint64_t left_out_ = 0;  // which found no room there
  BackgroundWriter event_writer_;  // goes first
};

}  // namespace poetry::get::output
