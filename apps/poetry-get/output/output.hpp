// Where the poems go: in task order, live line by line, or a file each. Owned by poetry-get's run;
// told by it, in one thread, what the tasks receive.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fetch/record.hpp"
#include "fetch/servers.hpp"
#include "output/background_writer.hpp"

namespace poetry::get::output {

/// One task's output cannot be written; the others go on.
class TaskOutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Whether an attempt's bytes may turn out void, so that they cannot go out before its end.
enum class Attempts { one, several };

/// Tasks count from 0. May raise TaskOutputError, and what the sink has raised, which is called in
/// a thread of its own.
class Output {
 public:
  virtual ~Output() = default;
  virtual void write(std::size_t task, std::string_view bytes) = 0;
  /// What the task has written is void.
  virtual void discard(std::size_t task) = 0;
  /// The task is over; each task ends once.
  virtual void end(std::size_t task, fetch::Outcome outcome) = 0;
  /// Whether more of the task can be taken now, and has not to wait for a reader. Any thread may
  /// ask.
  virtual bool has_room(std::size_t /*task*/) { return true; }
  /// Waits until all whose turn it is has been written, but no longer than that: false where
  /// something is left.
  virtual bool flush(base::TimePoint /*until*/) { return true; }
};

/// Each task's bytes once it and those before it are over; with a single attempt, those of the
/// first unfinished task as they arrive.
std::unique_ptr<Output> make_ordered_output(Sink sink, std::size_t tasks, Attempts attempts);

/// Lines as they arrive, behind "[1] ". An unfinished last line gets a newline. A line of more
/// than 16 KiB comes in pieces, each as a line.
std::unique_ptr<Output> make_live_output(Sink sink);

/// Makes the directory where it is missing. Raises std::system_error naming it where it cannot be
/// made or written.
void prepare_directory(const std::string& directory);

/// A file a task in `directory`, which is made where it is missing: "001-127.0.0.1-10000.txt",
/// with ".part" behind it unless the outcome is ok. Holds no descriptor between calls. Raises as
/// prepare_directory() does.
std::unique_ptr<Output> make_directory_output(const std::string& directory,
                                              const fetch::Servers& servers);

/// The name of a task's file: its number, and its server's label, else host and port. What is no
/// letter, digit, '.', '_' or '-' of these becomes '_'; no more than 200 bytes of a label are
/// taken.
std::string file_name(std::size_t task, const fetch::Servers& servers);

}  // namespace poetry::get::output
