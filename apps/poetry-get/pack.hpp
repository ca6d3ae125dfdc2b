// What an engine's process answers: its run as bytes, and back, record by record, so that no copy
// of the whole is made on the way. Only for processes of the same program.
#pragma once

#include <functional>
#include <span>

#include "output/sink.hpp"
#include "report/report.hpp"

namespace poetry::get {

/// Fills all of the span, or raises.
using Source = std::function<void(std::span<char>)>;

/// All of a run but its servers. Exact, also in its times: the clock is the machine's.
void pack(const report::Run& run, const output::Sink& sink);
report::Run unpack(const Source& source);

}  // namespace poetry::get
