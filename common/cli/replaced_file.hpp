// Files that are written aside and renamed, so that whoever looks finds the old one or the new one,
// and never a part. What is no regular file, such as a pipe or a device, is written to as it is.
#pragma once

#include <string>
#include <string_view>

namespace poetry::cli {

/// Raises std::system_error naming the file where replace_file() is bound to fail. Changes nothing.
void check_replaceable(const std::string& path);

/// Makes the file, or puts another in its place; follows symbolic links. Raises std::system_error
/// naming it, and leaves nothing behind then.
void replace_file(const std::string& path, std::string_view text);

}  // namespace poetry::cli
