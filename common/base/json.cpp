#include "base/json.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/utf8.hpp"

namespace poetry::base {
namespace {

namespace json = boost::json;

class JsonWriter {
 public:
  explicit JsonWriter(JsonSpaces spaces)
      : comma_(spaces == JsonSpaces::none ? "," : ", "),
        colon_(spaces == JsonSpaces::none ? ":" : ": ") {}

  void write(const json::value& value) {
    if (const auto* const object = value.if_object()) {
      write_object(*object);
    } else if (const auto* const array = value.if_array()) {
      write_array(*array);
    } else if (const auto* const string = value.if_string()) {
      text_ += json_string({string->data(), string->size()});
    } else if (const auto* const number = value.if_double()) {
      text_ += json_number(*number);
    } else {
      text_ += json::serialize(value);
    }
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void write_object(const json::object& object) {
    std::string_view lead = "{";
    for (const auto& [key, value] : object) {
      text_.append(lead).append(json_string({key.data(), key.size()})).append(colon_);
      write(value);
      lead = comma_;
    }
    text_ += object.empty() ? "{}" : "}";
  }

  void write_array(const json::array& array) {
    std::string_view lead = "[";
    for (const auto& value : array) {
      text_ += lead;
      write(value);
      lead = comma_;
    }
    text_ += array.empty() ? "[]" : "]";
  }

  std::string_view comma_;
  std::string_view colon_;
  std::string text_;
};

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
  JsonWriter writer(spaces);
  writer.write(value);
  return writer.take();
}

}  // namespace poetry::base
