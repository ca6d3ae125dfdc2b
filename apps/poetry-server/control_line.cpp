#include "control_line.hpp"

#include <array>
#include <limits>
#include <sstream>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "base/unknown_name.hpp"
#include "faults/fault_spec.hpp"

namespace poetry::server {
namespace {

using What = ControlLine::What;

std::uint16_t parse_port(std::string_view text) {
  return static_cast<std::uint16_t>(base::parse_count(text, "port", 1, 65535));
}

struct Form {
  std::string_view name;
  std::string_view arguments;  ///< as a message says them
  What what;
  std::size_t least;  ///< how many arguments
  std::size_t most;
};
constexpr std::array forms{
    Form{"fault", " PORT SPEC...|off", What::fault, 2, 64},
    Form{"delay", " PORT DUR", What::delay, 2, 2}, Form{"close", " [PORT:]CONN", What::close, 1, 1},
    Form{"connections", "", What::connections, 0, 0}, Form{"stats", "", What::stats, 0, 0}};

const Form& find_form(std::string_view name) {
  std::vector<std::string> valid;
  for (const auto& form : forms) {
    if (form.name == name) return form;
    valid.emplace_back(form.name);
  }
  throw base::unknown_name("command", valid, name);
}

}  // namespace

ControlLine parse_control_line(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::string name;
  in >> name;
  const auto& form = find_form(name);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.size() < form.least || words.size() > form.most) {
    throw base::UsageError(
        "not of the form " + std::string(form.name) + std::string(form.arguments), text);
  }
  ControlLine line{.what = form.what, .port = 0, .faults = {}, .delay = {}};
  if (line.what == What::close) {
    const std::string_view place = words[0];
    const auto number = place.find(':') + 1;  // 0 where there is no port
    if (number > 0) line.port = parse_port(place.substr(0, number - 1));
    line.number = base::parse_count(place.substr(number), "number of a connection", 1,
                                    std::numeric_limits<std::uint64_t>::max());
  } else if (!words.empty()) {
    line.port = parse_port(words[0]);
    line.delay = words[1];
    words.erase(words.begin());
    line.faults = words.size() == 1 && words[0] == "off" ? std::vector<std::string>{"none"} : words;
  }
  if (line.what == What::delay) base::parse_duration(line.delay);
  if (line.what == What::fault) faults::parse_faults(line.faults);
  return line;
}

std::string reply_to(const std::function<std::string()>& obey) {
  try {
    return obey();
  } catch (const std::exception& error) {
    return "error: " + base::shown_utf8(error.what());
  }
}

}  // namespace poetry::server
