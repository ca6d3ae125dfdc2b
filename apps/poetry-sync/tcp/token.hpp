// The token by which a peer shows that it may ask, at the page's port and the control port. Free
// functions.
#pragma once

#include <string>
#include <string_view>

namespace poetry::sync::tcp {

/// The token in the first line of a file, none where no file is named. Raises UsageError where it
/// is short or has characters that a header field or a line cannot take, std::system_error where
/// the file cannot be read.
std::string read_token(const std::string& file);

/// Compares without telling by its time where they differ.
bool is_same_secret(std::string_view one, std::string_view other);

}  // namespace poetry::sync::tcp
