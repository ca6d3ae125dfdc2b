// PostgreSQL's text for a bytea, in its hex format (PostgreSQL's manual, "Binary Data Types"):
// "\x" and two digits a byte. Servers use it unless their bytea_output says otherwise.
#pragma once

#include <string>
#include <string_view>

namespace poetry::sync::store {

std::string bytea_text(std::string_view bytes);

/// Raises DatabaseError where the text is in another format.
std::string bytea_bytes(std::string_view text);

}  // namespace poetry::sync::store
