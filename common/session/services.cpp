#include "session/services.hpp"

#include <fmt/ranges.h>

#include <array>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "base/quantity.hpp"
#include "base/unknown_name.hpp"

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

/// Adds what stands behind a comma to the fault before it, which saves escaping the comma.
void extend_fault(ServiceSettings& settings, std::string_view key, std::string_view value) {
  if (settings.faults.empty()) throw base::UsageError("it belongs behind a fault", value);
  settings.faults.back().append(",").append(key).append("=").append(value);
}

/// What --serve may set for every service.
const Setters<ServiceSettings> common_setters{
    {"fault", [](ServiceSettings& s, std::string_view v) { s.faults.emplace_back(v); }},
    {"for", [](ServiceSettings& s, std::string_view v) { extend_fault(s, "for", v); }},
    {"gap", [](ServiceSettings& s, std::string_view v) { extend_fault(s, "gap", v); }},
    {"max-clients",
     [](ServiceSettings& s, std::string_view v) {
       s.max_clients = base::parse_count(v, "count", 0, std::numeric_limits<std::uint64_t>::max());
       s.own_max_clients = true;
     }},
    {"send-timeout",
     [](ServiceSettings& s, std::string_view v) { s.send_timeout = base::parse_duration(v); }}};

const Setters<ServiceSettings> pacing_setters{
    {"chunk", [](ServiceSettings& s, std::string_view v) { set_chunk(s.pacing, v); }},
    {"delay", [](ServiceSettings& s, std::string_view v) { set_delay(s.pacing, v); }},
    {"first-delay", [](ServiceSettings& s,
                       std::string_view v) { s.pacing.first_delay = base::parse_duration(v); }},
    {"jitter",
     [](ServiceSettings& s, std::string_view v) { s.pacing.jitter = base::parse_duration(v); }},
    {"rate", [](ServiceSettings& s, std::string_view v) { set_rate(s.pacing, v); }}};

const Setters<ServiceSettings> repeat_setters{
    {"duration", [](ServiceSettings& s, std::string_view v) { set_duration(s.pacing, v); }},
    {"repeat", [](ServiceSettings& s, std::string_view v) { s.pacing.repeat = parse_repeat(v); }}};

const Setters<ServiceSettings> request_setters{
    {"await", [](ServiceSettings& s, std::string_view v) { set_await(s.requests, v); }},
    {"await-timeout",
     [](ServiceSettings& s, std::string_view v) { s.requests.timeout = base::parse_duration(v); }},
    {"rounds",
     [](ServiceSettings& s, std::string_view v) { s.requests.rounds = parse_repeat(v); }}};

/// Every service.
std::span<const ServiceKind> service_kinds() {
  static const std::array kinds{random_kind(),    poem_kind(),    discard_kind(),
                                chargen_kind(),   echo_kind(),    weblog_kind(),
                                fibonacci_kind(), catalog_kind(), metrics_kind()};
  return kinds;
}

std::vector<std::string> names_of_services() {
  std::vector<std::string> names;
  for (const auto& kind : service_kinds())
    if (kind.word.empty()) names.emplace_back(kind.name);
  return names;
}

const ServiceKind& find_service_kind(std::string_view name, std::string_view argument) {
  for (const auto& kind : service_kinds())
    if (kind.name == name && (kind.word.empty() || kind.word == argument)) return kind;
  throw base::unknown_name("service", names_of_services(), name);
}

Setters<ServiceSettings> shared_setters(const ServiceKind& kind) {
  auto setters = common_setters;
  if (kind.paced != Paced::no) setters.insert(pacing_setters.begin(), pacing_setters.end());
  if (kind.paced == Paced::repeated) setters.insert(repeat_setters.begin(), repeat_setters.end());
  if (kind.answers) setters.insert(request_setters.begin(), request_setters.end());
  return setters;
}

void set(ServiceSpec& spec, const ServiceKind& kind, std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) throw base::UsageError("not a setting key=value", text);
  const auto key = text.substr(0, equals);
  const auto value = text.substr(equals + 1);
  const auto shared = shared_setters(kind);
  std::set<std::string_view> valid(kind.keys.begin(), kind.keys.end());
  if (valid.contains(key)) {
    kind.check({{std::string(key), std::string(value)}});
    spec.own.insert_or_assign(std::string(key), value);
    return;
  }
  const auto at = shared.find(key);
  if (at == shared.end()) {
    for (const auto& [name, setter] : shared) valid.insert(name);
    const auto of =
        std::string(kind.name) + (kind.word.empty() ? "" : ":") + std::string(kind.word);
    throw base::unknown_name("setting of " + of,
                             std::vector<std::string>(valid.begin(), valid.end()), key);
  }
  base::naming(key, [&] { at->second(spec.settings, value); });
}

/// Of a port's own settings; over the server's, each of them wins.
void refuse_contradictions(const Requests& requests, std::span<const std::string> settings) {
  std::map<std::string, std::string, std::less<>> given;
  for (const auto& text : settings) given.emplace(text.substr(0, text.find('=')), text);
  for (const auto& [one, other] : {std::pair{"rate", "delay"}, std::pair{"rate", "chunk"},
                                   std::pair{"rate", "duration"}, std::pair{"duration", "delay"}}) {
    if (!given.contains(one) || !given.contains(other)) continue;
    throw base::UsageError(fmt::format("{} and {} exclude each other", one, other),
                           given[one] + "," + given[other]);
  }
  for (const auto* key : {"await-timeout", "rounds"}) {
    if (requests.awaited() || !given.contains(key)) continue;
    throw base::UsageError(std::string(key) + " needs await", given[key]);
  }
}

class DrainingService : public Service {
 public:
  explicit DrainingService(Opening open) : open_(std::move(open)) {}
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override {
    return open_(peer, now, draining_);
  }
  void drain() override { draining_ = true; }

 private:
  const Opening open_;
  std::atomic<bool> draining_{false};
};

/// The file's name; the whole path where it ends in a slash.
std::string last_part(const std::string& path) {
  const auto name = path.substr(path.find_last_of('/') + 1);
  return name.empty() ? path : name;
}

}  // namespace

std::shared_ptr<Service> service_of(Opening open) {
  return std::make_shared<DrainingService>(std::move(open));
}

std::string service_names() { return fmt::format("{}", fmt::join(names_of_services(), ", ")); }

bool is_paced(const ServiceSpec& spec) {
  return find_service_kind(spec.service, spec.argument).paced != Paced::no;
}

ServiceSpec parse_service(std::string_view text, const ServiceSettings& defaults) {
  const auto parts = split_settings(text);
  const auto colon = parts[0].find(':');
  const auto argument = colon == std::string::npos ? "" : parts[0].substr(colon + 1);
  const auto& kind = find_service_kind(parts[0].substr(0, colon), argument);
  if (argument.empty() != kind.argument.empty() ||
      (argument.empty() && colon != std::string::npos)) {
    const auto form = std::string(kind.name) + (kind.argument.empty() ? "" : ":");
    throw base::UsageError("not of the form " + form + std::string(kind.argument), text);
  }
  ServiceSpec spec{std::string(kind.name), argument,
                   argument.empty() ? std::string(kind.name) : last_part(argument), defaults};
  spec.settings.faults.clear();  // a port's own take the place of the server's
  for (std::size_t i = 1; i < parts.size(); ++i) set(spec, kind, parts[i]);
  refuse_contradictions(spec.settings.requests, std::span(parts).subspan(1));
  if (spec.settings.faults.empty()) spec.settings.faults = defaults.faults;
  return spec;
}

ServiceSpec poem_spec(const std::string& path, const ServiceSettings& settings) {
  return {"poem", path, last_part(path), settings};
}

void set_chunk(Pacing& pacing, std::string_view text) {
  pacing.chunk = text == "line" ? 0 : base::parse_size(text);
  if (text != "line" && pacing.chunk == 0)
    throw base::UsageError("a chunk has at least one byte", text);
  pacing.rate = 0;
}

void set_delay(Pacing& pacing, std::string_view text) {
  pacing.delay = base::parse_duration(text);
  pacing.rate = 0;
  pacing.duration = base::Duration{0};
}

void set_rate(Pacing& pacing, std::string_view text) {
  pacing.rate = base::parse_size(text);
  if (pacing.rate == 0) throw base::UsageError("a rate is at least a byte a second", text);
  pacing.duration = base::Duration{0};
}

void set_duration(Pacing& pacing, std::string_view text) {
  pacing.duration = base::parse_duration(text);
  if (pacing.duration == base::Duration{0})
    throw base::UsageError("a duration is more than 0", text);
  pacing.rate = 0;
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
  return find_service_kind(spec.service, spec.argument).make(spec, context);
}

}  // namespace poetry::session
