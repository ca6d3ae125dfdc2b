// Text with C escapes, as users write bytes that a shell does not take as they are.
#pragma once

#include <string>
#include <string_view>

namespace poetry::base {

/// C escapes (\n \t \r \a \b \f \v \\ \' \" \? \e, \ooo, \xhh) as the bytes that they stand for.
/// Raises UsageError naming the escape.
std::string unescape(std::string_view text);

}  // namespace poetry::base
