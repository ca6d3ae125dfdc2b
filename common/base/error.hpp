// The errors that tools report to their users. Failures of the system are std::system_error.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace poetry::base {

/// Input that the user has to mend: "what is wrong: the offending text".
class UsageError : public std::runtime_error {
 public:
  UsageError(std::string_view what, std::string_view offender)
      : std::runtime_error(std::string(what).append(": ").append(offender)) {}
};

/// A failure and what helps against it, which a check beforehand and the failure itself both tell.
class Failure : public std::runtime_error {
 public:
  Failure(const std::string& what, std::string_view remedy)
      : std::runtime_error(what), remedy_(remedy) {}
  [[nodiscard]] const std::string& remedy() const { return remedy_; }

 private:
  std::string remedy_;
};

inline constexpr std::string_view path_remedy = "check the path and its permissions";

/// What `attempt` returns. What it raises becomes a Failure with this remedy, but for a UsageError.
template <class Attempt>
auto with_remedy(std::string_view remedy, const Attempt& attempt) {
  try {
    return attempt();
  } catch (const UsageError&) {
    throw;
  } catch (const std::exception& error) {
    throw Failure(error.what(), remedy);
  }
}

/// Does what `attempt` says. A UsageError that it raises names `what` before its own text.
template <class Attempt>
void naming(std::string_view what, const Attempt& attempt) {
  try {
    attempt();
  } catch (const UsageError& error) {
    throw UsageError(what, error.what());
  }
}

/// Throws std::system_error for the current errno, naming the attempt and its target.
[[noreturn]] inline void throw_errno(std::string_view attempt, std::string_view target) {
  const int error = errno;
  throw std::system_error(error, std::generic_category(),
                          std::string(attempt).append(" ").append(target));
}

}  // namespace poetry::base
