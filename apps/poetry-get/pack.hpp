// What an engine's process answers: its run as bytes, and back. Only for processes of the same
// program.
#pragma once

#include <string>
#include <string_view>

#include "report/report.hpp"

namespace poetry::get {

/// All of a run but its engine and servers. Exact, also in its times: the clock is the machine's.
std::string pack(const report::Run& run);
report::Run unpack(std::string_view bytes);

}  // namespace poetry::get
