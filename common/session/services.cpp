#include "session/services.hpp"

#include <functional>
#include <limits>
#include <map>
#include <vector>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "session/builtin_poems.hpp"

namespace poetry {
namespace {

/// Splits at commas, undoing "\," and "\\".
std::vector<std::string> split_settings(std::string_view text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\')) {
      parts.back() += text[++i];
    } else if (text[i] == ',') {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  return parts;
}

using Setter = void (*)(ServiceSettings&, std::string_view);

/// What --serve may set for one port.
const std::map<std::string, Setter, std::less<>> setters{
    {"delay", [](ServiceSettings& s, std::string_view v) { s.pacing.delay = parse_duration(v); }},
    {"first-delay",
     [](ServiceSettings& s, std::string_view v) { s.pacing.first_delay = parse_duration(v); }},
    {"chunk", [](ServiceSettings& s, std::string_view v) { s.pacing.chunk = parse_chunk(v); }},
    {"repeat", [](ServiceSettings& s, std::string_view v) { s.pacing.repeat = parse_repeat(v); }},
    {"send-timeout",
     [](ServiceSettings& s, std::string_view v) { s.send_timeout = parse_duration(v); }},
    {"max-clients", [](ServiceSettings& s, std::string_view v) {
       s.max_clients = parse_count(v, "count", 0, std::numeric_limits<std::uint64_t>::max());
       s.own_max_clients = true;
     }}};

std::string valid_keys() {
  std::string list;
  for (const auto& [key, setter] : setters) list.append(list.empty() ? "" : ", ").append(key);
  return list;
}

}  // namespace

ServiceSpec parse_service(std::string_view text, const ServiceSettings& defaults) {
  auto parts = split_settings(text);
  const auto colon = parts[0].find(':');
  const auto service = parts[0].substr(0, colon);
  if (service != "poem") throw UsageError("unknown service (valid: poem)", service);
  if (colon == std::string::npos || colon + 1 == parts[0].size()) {
    throw UsageError("a poem needs a file, as in poem:FILE", text);
  }
  auto spec = poem_spec(parts[0].substr(colon + 1), defaults);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    if (equals == std::string::npos) throw UsageError("not a setting key=value", parts[i]);
    const auto key = parts[i].substr(0, equals);
    const auto at = setters.find(key);
    if (at == setters.end()) throw UsageError("unknown setting (valid: " + valid_keys() + ")", key);
    try {
      at->second(spec.settings, parts[i].substr(equals + 1));
    } catch (const UsageError& error) {
      throw UsageError(key, error.what());
    }
  }
  return spec;
}

ServiceSpec poem_spec(const std::string& path, const ServiceSettings& settings) {
  const auto slash = path.find_last_of('/');
  return {"poem", path, slash == std::string::npos ? path : path.substr(slash + 1), settings};
}

std::uint64_t parse_chunk(std::string_view text) {
  if (text == "line") return 0;
  const auto size = parse_size(text);
  if (size == 0) throw UsageError("a chunk has at least one byte", text);
  return size;
}

std::uint64_t parse_repeat(std::string_view text) {
  if (text == "forever") return 0;
  return parse_count(text, "repeat", 1, std::numeric_limits<std::uint64_t>::max());
}

std::string format_chunk(std::uint64_t chunk) { return chunk == 0 ? "line" : format_size(chunk); }

std::string format_repeat(std::uint64_t repeat) {
  return repeat == 0 ? "forever" : std::to_string(repeat);
}

std::shared_ptr<Service> make_service(const ServiceSpec& spec) {
  if (!spec.argument.empty()) {
    return std::make_shared<PoemService>(SealedText::read(spec.argument), spec.settings.pacing);
  }
  for (const auto& poem : builtin_poems()) {
    if (poem.name != spec.name) continue;
    return std::make_shared<PoemService>(SealedText::copy(poem.bytes), spec.settings.pacing);
  }
  throw UsageError("no built-in poem of this name", spec.name);
}

}  // namespace poetry
