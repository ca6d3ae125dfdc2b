// Multiplexer by Boost.Asio: an io_context waits for one timer and one descriptor, the set of all
// that is watched. A descriptor of Asio's own with an operation under way takes 300 bytes, more
// than all the rest of a connection.
#pragma once

#include <memory>

#include "reactor/multiplexer.hpp"

namespace poetry::reactor {

/// Owned by whoever runs a loop over it. Raises std::system_error.
std::unique_ptr<Multiplexer> make_asio_set();

}  // namespace poetry::reactor
