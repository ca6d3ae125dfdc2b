#include "base/unescape.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace poetry::base {
namespace {

/// The byte of a numeric escape and how many characters it takes, none where it is not one.
std::pair<char, std::size_t> numeric_escape(std::string_view text) {
  const bool hexadecimal = text.starts_with('x');
  const auto digits = text.substr(hexadecimal ? 1 : 0, hexadecimal ? 2 : 3);
  const std::string_view valid = hexadecimal ? "0123456789abcdefABCDEF" : "01234567";
  const auto count = std::min(digits.find_first_not_of(valid), digits.size());
  if (count == 0) return {0, 0};
  const auto value =
      std::stoul(std::string(digits.substr(0, count)), nullptr, hexadecimal ? 16 : 8);
  if (value > 255) return {0, 0};
  return {static_cast<char>(value), count + (hexadecimal ? 1 : 0)};
}

}  // namespace

std::string unescape(std::string_view text) {
  constexpr std::string_view names = "ntrabfv\\'\"?e";
  constexpr std::string_view bytes = "\n\t\r\a\b\f\v\\'\"?\x1b";
  std::string result;
  while (!text.empty()) {
    const auto plain = text.substr(0, text.find('\\'));
    result += plain;
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    const auto name = text.size() > 1 ? names.find(text[1]) : std::string_view::npos;
    if (name != std::string_view::npos) {
      result += bytes[name];
      text.remove_prefix(2);
      continue;
    }
    const auto [byte, length] = numeric_escape(text.substr(1));
    if (length == 0) throw UsageError("not a C escape", text.substr(0, 2));
    result += byte;
    text.remove_prefix(1 + length);
  }
  return result;
}

}  // namespace poetry::base
