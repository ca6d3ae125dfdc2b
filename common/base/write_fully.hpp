// Writing bytes to a descriptor, none left out.
#pragma once

#include <string_view>
#include <system_error>

namespace poetry::base {

/// Calls write(2) until all bytes are written, waiting where the descriptor is non-blocking; or
/// says why it goes no further.
std::error_code write_fully(int fd, std::string_view bytes);

}  // namespace poetry::base
