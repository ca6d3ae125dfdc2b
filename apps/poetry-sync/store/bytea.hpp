// PostgreSQL's text for a bytea, in its hex format (PostgreSQL's manual, "Binary Data Types"):
// "\x" and two digits a byte. Servers use it unless their bytea_output says otherwise.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/hex.hpp"
#include "store/database.hpp"

namespace poetry::sync::store {

inline constexpr std::string_view bytea_mark = "\\x";

inline std::string bytea_text(std::string_view bytes) {
  return std::string(bytea_mark) + base::to_hex(bytes);
}

/// Raises DatabaseError where the text is in another format.
inline std::string bytea_bytes(std::string_view text) {
  if (text.starts_with(bytea_mark)) {
    if (auto bytes = base::parse_hex(text.substr(bytea_mark.size()))) return std::move(*bytes);
  }
  throw DatabaseError(DatabaseError::Kind::lasting, "database: its bytea_output must be hex");
}

}  // namespace poetry::sync::store
