#include "base/json.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/utf8.hpp"

namespace poetry::base {
namespace {

namespace json = boost::json;

/// Appends a whole value, with `space` behind separators.
void append(std::string& text, const json::value& value, std::string_view space) {
  if (const auto* const object = value.if_object()) {
    text += '{';
    for (const auto& member : *object) {
      if (&member != object->begin()) text.append(",").append(space);
      text.append(json_string({member.key().data(), member.key().size()}));
      append(text.append(":").append(space), member.value(), space);
    }
    text += '}';
  } else if (const auto* const array = value.if_array()) {
    text += '[';
    for (const auto& element : *array) {
      if (&element != array->begin()) text.append(",").append(space);
      append(text, element, space);
    }
    text += ']';
  } else if (const auto* const string = value.if_string()) {
    text += json_string({string->data(), string->size()});
  } else if (const auto* const number = value.if_double()) {
    text += json_number(*number);
  } else {
    text += json::serialize(value);
  }
}

}  // namespace

std::string json_string(std::string_view text) {
  const auto valid = valid_utf8(text);
  return json::serialize(json::string_view(valid.data(), valid.size()));
}

std::string json_number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string json_text(const json::value& value, JsonSpaces spaces) {
  std::string text;
  append(text, value, spaces == JsonSpaces::none ? "" : " ");
  return text;
}

}  // namespace poetry::base
