// What this process or one of its threads has used, to tell what a run of an engine cost.
#pragma once

#include "report/report.hpp"

namespace poetry::get {

/// Processor time and context switches of `who`, as in getrusage(2); and the peak memory of the
/// process.
report::Cost cost_of(int who);

}  // namespace poetry::get
