// Runs an engine in a process of its own, so that its memory and processor time are its own, and
// brings back what it left.
#pragma once

#include <functional>
#include <string>

#include "fetch/report.hpp"
#include "net/signals.hpp"

namespace poetry {

/// Forks, runs `body` in the child, and returns its result. A signal that waits in `signals` is
/// passed on to the child, which ends by itself. `servers` are filled in by the caller. Raises
/// std::system_error, and std::runtime_error with the message of what `body` raised. Only for a
/// process without other threads. A child that a closed pipe ends takes its parent along.
Run run_apart(const std::function<Run()>& body, Signals& signals);

/// A run but for its servers as text and back. Exact, also in its times: the clock is the
/// machine's.
std::string pack(const Run& run);
Run unpack(const std::string& text);

}  // namespace poetry
