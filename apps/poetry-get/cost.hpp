// What this process has used so far, to tell what a run of an engine cost.
#pragma once

#include "report/report.hpp"

namespace poetry::get {

/// Processor time, context switches and peak memory of this process, all threads together.
report::Cost cost_so_far();

/// What came on top of `before`; the peak memory is that of the process.
report::Cost cost_since(const report::Cost& before);

}  // namespace poetry::get
