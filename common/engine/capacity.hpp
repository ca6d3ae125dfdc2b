// How many connections an engine can hold by the limits of this process and its user. Whatever else
// may be short (memory, the machine's threads, a control group's) the error at the time tells.
#pragma once

#include "engine/engine.hpp"

namespace poetry::engine {

/// By descriptors, one a connection beside those that are open now and `own` of the engine's.
Capacity descriptor_capacity(std::uint64_t own = 0);

/// By descriptors, and by the processes of a user, one a connection; a thread counts as one.
Capacity process_capacity(std::uint64_t own_descriptors = 0);

/// Raises std::system_error where no further process or thread is to be had. It says what to look
/// at: the reasons of EAGAIN in fork(2) and pthread_create(3).
[[noreturn]] void throw_no_process(int error, const std::string& attempt);

}  // namespace poetry::engine
