// What poetry-get does once its options are known.
#pragma once

#include "options.hpp"

namespace poetry::get {

/// Fetches, prints and reports; the exit status. Raises UsageError, and std::system_error where
/// the output fails.
int run_get(const GetOptions& options);

}  // namespace poetry::get
