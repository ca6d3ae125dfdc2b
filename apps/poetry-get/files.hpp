// The files that a run writes: opened before anything is fetched, so that what cannot be written is
// found in time. Owned by the run, and borrowed by the sinks.
#pragma once

#include "base/fd.hpp"
#include "fetch/sink.hpp"
#include "options.hpp"

namespace poetry {

/// Raises UsageError where poems and report would overwrite each other.
void check_distinct(const GetOptions& options);

class Files {
 public:
  /// Raises as check_distinct() does, and std::system_error naming what cannot be written.
  explicit Files(const GetOptions& options);

  /// The --output file.
  [[nodiscard]] Sink poems() const;
  /// A device that takes as much work and keeps nothing.
  [[nodiscard]] Sink nowhere() const;
  /// The --report-file, else standard error.
  [[nodiscard]] Sink report() const;

 private:
  const GetOptions& options_;
  Fd output_;
  Fd nowhere_;
  Fd report_;
};

}  // namespace poetry
