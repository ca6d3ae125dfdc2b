// Values as PostgreSQL's text. For a bytea that is its hex format (PostgreSQL's manual, "Binary
// Data Types"): "\x" and two digits a byte. Servers use it unless their bytea_output says
// otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/sha256.hpp"
#include "store/database.hpp"

namespace poetry::sync::store {

inline constexpr std::string_view bytea_mark = "\\x";

/// Raises DatabaseError where the text is in another format.
inline std::string bytea_bytes(std::string_view text) {
  if (text.starts_with(bytea_mark))
    if (auto bytes = base::parse_hex(text.substr(bytea_mark.size()))) return std::move(*bytes);
  throw DatabaseError(DatabaseError::Kind::lasting, "database: its bytea_output must be hex");
}

inline std::optional<std::string> text_of(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Blob>(&value))
    return std::string(bytea_mark) + base::to_hex(blob->bytes);
  return std::nullopt;
}

// Type numbers of PostgreSQL's own types (pg_type.dat), which never change.
inline constexpr unsigned type_bytea = 17;
inline constexpr unsigned type_int8 = 20;
inline constexpr unsigned type_int4 = 23;

/// What a field of a result holds. Raises DatabaseError.
Value value_of(const auto& field) {
  if (field.is_null()) return {};
  const std::string_view text(field.c_str(), field.size());
  if (field.type() == type_bytea) return Blob{bytea_bytes(text)};
  if (field.type() == type_int8 || field.type() == type_int4)
    return field.template as<std::int64_t>();
  return std::string(text);
}

}  // namespace poetry::sync::store
