#include "store/bytea.hpp"

#include <utility>

#include "base/hex.hpp"
#include "store/database.hpp"

namespace poetry::sync::store {
namespace {

const std::string hex_mark = "\\x";

}  // namespace

std::string bytea_text(std::string_view bytes) { return hex_mark + base::to_hex(bytes); }

std::string bytea_bytes(std::string_view text) {
  if (text.starts_with(hex_mark)) {
    if (auto bytes = base::parse_hex(text.substr(hex_mark.size()))) return std::move(*bytes);
  }
  throw DatabaseError(DatabaseError::Kind::lasting, "database: its bytea_output must be hex");
}

}  // namespace poetry::sync::store
