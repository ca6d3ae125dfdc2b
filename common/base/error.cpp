#include "base/error.hpp"

#include <cerrno>
#include <system_error>

namespace poetry::base {

void throw_errno(std::string_view attempt, std::string_view target) {
  const int error = errno;
  throw std::system_error(error, std::generic_category(),
                          std::string(attempt).append(" ").append(target));
}

}  // namespace poetry::base
