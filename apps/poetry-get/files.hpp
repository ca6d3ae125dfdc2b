// The files that a run writes: opened before anything is fetched, so that what cannot be written is
// found in time.
#pragma once

#include <string>

#include "options.hpp"
#include "output/background_writer.hpp"

namespace poetry::get {

/// Whether an option names a file, and not standard output ("-") or nothing.
bool is_file(const std::string& path);

/// Raises UsageError where --output and --report-file would overwrite each other.
void check_distinct(const GetOptions& options);

struct Files {
  /// Raises as check_distinct() does, and base::Failure naming what cannot be written.
  explicit Files(const GetOptions& options);

  output::Sink poems;    ///< the one file of all poems, where there is one
  output::Sink nowhere;  ///< a device that takes as much work and keeps nothing
  output::Sink report;   ///< the report's file, else standard error
};

}  // namespace poetry::get
