#include "session/services.hpp"

#include <array>
#include <functional>
#include <limits>
#include <map>
#include <vector>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "session/builtin_poems.hpp"
#include "session/chargen.hpp"
#include "session/discard.hpp"
#include "session/fibonacci.hpp"

namespace poetry::session {
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

using Setter = void (*)(ServiceSpec&, std::string_view);
using Setters = std::map<std::string, Setter, std::less<>>;

/// What --serve may set for every service.
const Setters common_setters{
    {"fault", [](ServiceSpec& s, std::string_view v) { s.settings.faults.emplace_back(v); }},
    {"max-clients",
     [](ServiceSpec& s, std::string_view v) {
       s.settings.max_clients =
           base::parse_count(v, "count", 0, std::numeric_limits<std::uint64_t>::max());
       s.settings.own_max_clients = true;
     }},
    {"send-timeout", [](ServiceSpec& s, std::string_view v) {
       s.settings.send_timeout = base::parse_duration(v);
     }}};

const Setters pacing_setters{
    {"chunk", [](ServiceSpec& s, std::string_view v) { s.settings.pacing.chunk = parse_chunk(v); }},
    {"delay",
     [](ServiceSpec& s, std::string_view v) { s.settings.pacing.delay = base::parse_duration(v); }},
    {"first-delay",
     [](ServiceSpec& s, std::string_view v) {
       s.settings.pacing.first_delay = base::parse_duration(v);
     }},
    {"jitter", [](ServiceSpec& s, std::string_view v) {
       s.settings.pacing.jitter = base::parse_duration(v);
     }}};

const Setters poem_setters = [] {
  auto setters = pacing_setters;
  setters.emplace("repeat", [](ServiceSpec& s, std::string_view v) {
    s.settings.pacing.repeat = parse_repeat(v);
  });
  return setters;
}();

const Setters echo_setters{{"prefix", [](ServiceSpec& s, std::string_view v) {
                              if (v != "none" && v != "pid") {
                                throw base::UsageError("unknown prefix (valid: none, pid)", v);
                              }
                              s.prefix = v == "pid" ? EchoPrefix::pid : EchoPrefix::none;
                            }}};

const Setters fibonacci_setters{{"lease", [](ServiceSpec& s, std::string_view v) {
                                   s.lease = base::parse_count(v, "lease", 1, max_lease);
                                 }}};

LogFormat parse_log_format(std::string_view text) {
  if (text == "line") return LogFormat::line;
  if (text == "xml") return LogFormat::xml;
  if (text == "json") return LogFormat::json;
  throw base::UsageError("unknown format (valid: line, xml, json)", text);
}

base::Duration parse_poll(std::string_view text) {
  const auto poll = base::parse_duration(text);
  if (poll < std::chrono::milliseconds(1)) throw base::UsageError("less than 1ms", text);
  return poll;
}

const Setters weblog_setters{
    {"backlog",
     [](ServiceSpec& s, std::string_view v) {
       s.weblog.backlog = base::parse_count(v, "count", 0, WeblogSettings::max_backlog);
     }},
    {"format", [](ServiceSpec& s, std::string_view v) { s.weblog.format = parse_log_format(v); }},
    {"poll", [](ServiceSpec& s, std::string_view v) { s.weblog.poll = parse_poll(v); }}};

std::shared_ptr<Service> make_poem(const ServiceSpec& spec, const Context& /*context*/) {
  if (!spec.argument.empty()) {
    return std::make_shared<PoemService>(base::SealedText::read(spec.argument),
                                         spec.settings.pacing);
  }
  for (const auto& poem : builtin_poems()) {
    if (poem.name != spec.name) continue;
    return std::make_shared<PoemService>(base::SealedText::copy(poem.bytes), spec.settings.pacing);
  }
  throw base::UsageError("no built-in poem of this name", spec.name);
}

std::shared_ptr<Service> make_discard(const ServiceSpec& /*spec*/, const Context& /*context*/) {
  return std::make_shared<DiscardService>();
}

std::shared_ptr<Service> make_chargen(const ServiceSpec& spec, const Context& /*context*/) {
  return std::make_shared<ChargenService>(spec.settings.pacing);
}

std::shared_ptr<Service> make_echo(const ServiceSpec& spec, const Context& /*context*/) {
  return std::make_shared<EchoService>(spec.prefix);
}

std::shared_ptr<Service> make_fibonacci(const ServiceSpec& spec, const Context& /*context*/) {
  return std::make_shared<FibonacciService>(spec.argument, spec.lease);
}

std::shared_ptr<Service> make_catalog(const ServiceSpec& /*spec*/, const Context& context) {
  return std::make_shared<CatalogService>(context.catalog);
}

std::shared_ptr<Service> make_weblog(const ServiceSpec& spec, const Context& /*context*/) {
  require_log_file(spec.argument);
  return std::make_shared<WeblogService>(spec.argument, spec.weblog);
}

/// A service as --serve names it.
struct ServiceKind {
  std::string_view name;
  std::string_view argument;  ///< what stands after the colon; empty where there is none
  Setters setters;            ///< beside the common ones
  std::shared_ptr<Service> (*make)(const ServiceSpec&, const Context&);
};

/// Every service.
const std::array service_kinds{ServiceKind{"poem", "FILE", poem_setters, make_poem},
                               ServiceKind{"discard", "", {}, make_discard},
                               ServiceKind{"chargen", "", pacing_setters, make_chargen},
                               ServiceKind{"echo", "", echo_setters, make_echo},
                               ServiceKind{"weblog", "FILE", weblog_setters, make_weblog},
                               ServiceKind{"fibonacci", "STATE", fibonacci_setters, make_fibonacci},
                               ServiceKind{"catalog", "", {}, make_catalog}};

const ServiceKind& find_service_kind(std::string_view name) {
  std::string valid;
  for (const auto& kind : service_kinds) {
    if (kind.name == name) return kind;
    valid.append(valid.empty() ? "" : ", ").append(kind.name);
  }
  throw base::UsageError("unknown service (valid: " + valid + ")", name);
}

void set(ServiceSpec& spec, const Setters& own, std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) throw base::UsageError("not a setting key=value", text);
  const auto key = text.substr(0, equals);
  auto setters = own;
  setters.insert(common_setters.begin(), common_setters.end());
  const auto at = setters.find(key);
  if (at == setters.end()) {
    std::string valid;
    for (const auto& [name, setter] : setters) valid.append(valid.empty() ? "" : ", ").append(name);
    throw base::UsageError("unknown setting of " + spec.service + " (valid: " + valid + ")", key);
  }
  try {
    at->second(spec, text.substr(equals + 1));
  } catch (const base::UsageError& error) {
    throw base::UsageError(key, error.what());
  }
}

/// The file's name; the whole path where it ends in a slash.
std::string last_part(const std::string& path) {
  const auto name = path.substr(path.find_last_of('/') + 1);
  return name.empty() ? path : name;
}

}  // namespace

ServiceSpec parse_service(std::string_view text, const ServiceSettings& defaults) {
  const auto parts = split_settings(text);
  const auto colon = parts[0].find(':');
  const auto& kind = find_service_kind(parts[0].substr(0, colon));
  const auto argument = colon == std::string::npos ? "" : parts[0].substr(colon + 1);
  if (argument.empty() != kind.argument.empty() ||
      (argument.empty() && colon != std::string::npos)) {
    const auto form = std::string(kind.name) + (kind.argument.empty() ? "" : ":");
    throw base::UsageError("not of the form " + form + std::string(kind.argument), text);
  }
  ServiceSpec spec{std::string(kind.name), argument,
                   argument.empty() ? std::string(kind.name) : last_part(argument), defaults};
  spec.settings.faults.clear();  // a port's own take the place of the server's
  for (std::size_t i = 1; i < parts.size(); ++i) set(spec, kind.setters, parts[i]);
  if (spec.settings.faults.empty()) spec.settings.faults = defaults.faults;
  return spec;
}

ServiceSpec poem_spec(const std::string& path, const ServiceSettings& settings) {
  return {"poem", path, last_part(path), settings};
}

std::uint64_t parse_chunk(std::string_view text) {
  if (text == "line") return 0;
  const auto size = base::parse_size(text);
  if (size == 0) throw base::UsageError("a chunk has at least one byte", text);
  return size;
}

std::uint64_t parse_repeat(std::string_view text) {
  if (text == "forever") return 0;
  return base::parse_count(text, "repeat", 1, std::numeric_limits<std::uint64_t>::max());
}

std::string format_chunk(std::uint64_t chunk) {
  return chunk == 0 ? "line" : base::format_size(chunk);
}

std::string format_repeat(std::uint64_t repeat) {
  return repeat == 0 ? "forever" : std::to_string(repeat);
}

std::shared_ptr<Service> make_service(const ServiceSpec& spec, const Context& context) {
  return find_service_kind(spec.service).make(spec, context);
}

}  // namespace poetry::session
