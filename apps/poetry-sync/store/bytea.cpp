#include "store/bytea.hpp"

#include <charconv>

#include "store/database.hpp"

namespace poetry {
namespace {

constexpr std::string_view hex_mark = "\\x";
constexpr std::string_view hex_digits = "0123456789abcdef";

}  // namespace

std::string bytea_text(std::string_view bytes) {
  std::string text(hex_mark);
  text.reserve(hex_mark.size() + 2 * bytes.size());
  for (const char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    text += hex_digits[byte >> 4U];
    text += hex_digits[byte & 15U];
  }
  return text;
}

std::string bytea_bytes(std::string_view text) {
  const auto fail = [] {
    throw DatabaseError(DatabaseError::Kind::lasting, "database: its bytea_output must be hex");
  };
  if (!text.starts_with(hex_mark) || text.size() % 2 != 0) fail();
  text.remove_prefix(hex_mark.size());
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (; !text.empty(); text.remove_prefix(2)) {
    unsigned char byte = 0;
    const auto* const end = text.data() + 2;
    if (std::from_chars(text.data(), end, byte, 16).ptr != end) fail();
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace poetry
