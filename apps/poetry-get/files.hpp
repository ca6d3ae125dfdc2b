// The files that a run writes: opened before anything is fetched, so that what cannot be written is
// found in time. Owned by the run, and borrowed by the sinks.
#pragma once

#include <string>
#include "base/fd.hpp"
#include "options.hpp"
#include "output/sink.hpp"

namespace poetry::get {

/// Whether an option names a file, and not standard output ("-") or nothing.
bool is_file(const std::string& path);

/// Raises UsageError where --output and --report-file would overwrite each other.
void check_distinct(const GetOptions& options);

class Files {
 public:
  /// Borrows the options. Raises as check_distinct() does, and base::Failure naming what cannot be
  /// written.
  explicit Files(const GetOptions& options);

  /// The one file of all poems.
  [[nodiscard]] output::Sink poems() const;
  /// A device that takes as much work and keeps nothing.
  [[nodiscard]] output::Sink nowhere() const;
  /// The report's file, else standard error.
  [[nodiscard]] output::Sink report() const;

 private:
  const GetOptions& options_;
  base::Fd output_;
  base::Fd nowhere_;
  base::Fd report_;
};

}  // namespace poetry::get
