// Text of others for a terminal: the same in whatever pieces it comes, and nothing in it that would
// command the terminal.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/shown_text.hpp"
#include "base/utf8.hpp"
#include "property.hpp"

namespace {

std::string passed(std::string_view text, std::size_t step) {
  poetry::base::HarmlessText harmless;
  std::string result;
  for (std::size_t at = 0; at < text.size(); at += step) {
    result += harmless.pass(text.substr(at, step));
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using poetry::fuzz::must_hold;
  // A character that is not whole yet waits for its rest: an end makes it come.
  const std::string text = std::string(data, data + size) + "\n";
  const auto whole = passed(text, text.size());
  must_hold(poetry::base::valid_utf8(whole) == whole, "it is UTF-8");
  for (const char each : whole) {
    const auto byte = static_cast<unsigned char>(each);
    must_hold(byte >= 0x20 || each == '\n' || each == '\t' || each == '\r', "no control");
    must_hold(byte != 0x7f, "no DEL");
  }
  for (const char* const each : {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6"})
    must_hold(whole.find(each) == std::string::npos, "neither C1 nor changes of direction");
  for (const std::size_t step : {1, 2, 3})
    must_hold(passed(text, step) == whole, "pieces make no difference");
  return 0;
}
