// The errors that tools report to their users. Failures of the system are std::system_error.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace poetry::base {

/// Input that the user has to mend: "what is wrong: the offending text".
class UsageError : public std::runtime_error {
 public:
  UsageError(std::string_view what, std::string_view offender)
      : std::runtime_error(std::string(what).append(": ").append(offender)) {}
};

/// Throws std::system_error for the current errno, naming the attempt and its target.
[[noreturn]] void throw_errno(std::string_view attempt, std::string_view target);

}  // namespace poetry::base
