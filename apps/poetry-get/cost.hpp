// What this process has used so far, to tell what a run of an engine cost.
#pragma once

#include "report/report.hpp"

namespace poetry {

/// Processor time, context switches and peak memory of this process, all threads together.
Cost cost_so_far();

/// What came on top of `before`; the peak memory is that of the process.
Cost cost_since(const Cost& before);

}  // namespace poetry
