// The process's environment, which its children inherit. Read before there are threads.
#pragma once

#include <cstdlib>
#include <string>

namespace poetry::base {

/// The value of a variable that is for this process alone, and is gone then; empty where it is not
/// set.
inline std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

}  // namespace poetry::base
