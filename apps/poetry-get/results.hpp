// What is told once all runs are over: the report, the pictures, what helps, and the exit status.
#pragma once

#include <span>

#include "options.hpp"
#include "output/sink.hpp"
#include "report/report.hpp"

namespace poetry::get {

/// Tells all that the options ask for; the report goes to `sink`. Raises std::system_error.
void tell_results(const GetOptions& options, std::span<const report::Run> runs,
                  report::Engines engines, const output::Sink& sink);

/// The exit status that they come to.
int status_of(std::span<const report::Run> runs);

}  // namespace poetry::get
