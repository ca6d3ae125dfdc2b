// What is said of a name that is none of the valid ones. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace poetry::base {

/// "did you mean epoll?", where one of the valid names is near: at most a third of the given one's
/// letters are other, missing, too many or exchanged with the next. Else empty.
std::string suggestion(std::string_view name, const std::vector<std::string>& valid);

/// "unknown engine (valid: poll, epoll; did you mean epoll?): epol".
UsageError unknown_name(std::string_view what, const std::vector<std::string>& valid,
                        std::string_view name);

}  // namespace poetry::base
