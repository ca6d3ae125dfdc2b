// The files that a run writes: opened before anything is fetched, so that what cannot be written is
// found in time. Owned by the run, and borrowed by the sinks.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "output/sink.hpp"

namespace poetry::get::output {

/// Where what a run leaves goes; an empty one is not asked for.
struct OutputPaths {
  std::string poems;      ///< all in one file
  std::string directory;  ///< with a file for each task
  std::string report;
  std::string timeline_svg;
};

/// Raises UsageError where poems and report would overwrite each other.
void check_distinct(const OutputPaths& paths);

class Files {
 public:
  /// Raises as check_distinct() does, and std::system_error naming what cannot be written.
  explicit Files(OutputPaths paths);

  /// The one file of all poems.
  [[nodiscard]] Sink poems() const;
  /// A device that takes as much work and keeps nothing.
  [[nodiscard]] Sink nowhere() const;
  /// The report's file, else standard error.
  [[nodiscard]] Sink report() const;

 private:
  OutputPaths paths_;
  base::Fd output_;
  base::Fd nowhere_;
  base::Fd report_;
};

}  // namespace poetry::get::output
