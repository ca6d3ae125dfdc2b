// What a service says of itself to --serve: its name, what stands behind it, the settings of its
// own, and how it is made. Each service's file NAME.cpp makes its ServiceKind; services.cpp lists
// them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "session/catalog.hpp"
#include "session/pacing.hpp"
#include "session/requests.hpp"
#include "session/session.hpp"

namespace poetry::session {

/// What a port serves and how; --serve's settings override a server's for one port.
struct ServiceSettings {
  Pacing pacing;                                           ///< of services that are paced
  base::Duration send_timeout = std::chrono::seconds(60);  ///< 0 is never
  std::uint64_t max_clients = 0;                           ///< 0 is no limit
  bool own_max_clients = false;                            ///< max_clients is this port's own
  std::vector<std::string> faults;  ///< as written, see faults/fault_spec.hpp
  Requests requests;                ///< of a poem

  bool operator==(const ServiceSettings&) const = default;
};

/// A service's own settings as written, by key.
using OwnSettings = std::map<std::string, std::string, std::less<>>;

struct ServiceSpec {
  std::string service;   ///< "poem"
  std::string argument;  ///< after the colon: a path; empty for a built-in poem
  std::string name;      ///< as shown to users: "ecstasy.txt", or the service's name
  ServiceSettings settings;
  OwnSettings own = {};

  bool operator==(const ServiceSpec&) const = default;
};

/// What a service may ask of the server around it.
struct Context {
  Catalog catalog = {};                       ///< what the catalog service shows
  std::uint64_t max_poem = 0;                 ///< bytes; 0 is half of the memory that is available
  std::function<std::string()> metrics = {};  ///< what the metrics service shows
};

/// Whether a service goes by ServiceSettings::pacing, and by its `repeat`.
enum class Paced { no, yes, repeated };

struct ServiceKind {
  std::string_view name;
  std::string_view argument = {};  ///< what stands after the colon; empty where there is none
  std::string_view word = {};      ///< what alone may stand there, of several kinds of one name
  Paced paced = Paced::no;
  bool answers = false;                     ///< it may await requests
  std::vector<std::string_view> keys = {};  ///< of its own settings
  /// Raises UsageError naming the key whose value is wrong.
  std::function<void(const OwnSettings&)> check = {};
  /// Reads what it serves. Raises std::system_error naming the file.
  std::function<std::shared_ptr<Service>(const ServiceSpec&, const Context&)> make = {};
};

ServiceKind random_kind();
ServiceKind poem_kind();
ServiceKind discard_kind();
ServiceKind chargen_kind();
ServiceKind echo_kind();
ServiceKind weblog_kind();
ServiceKind fibonacci_kind();
ServiceKind catalog_kind();
ServiceKind metrics_kind();

/// Opens a session; `draining` belongs to its service and outlives it.
using Opening = std::function<std::unique_ptr<Session>(const Peer&, base::TimePoint now,
                                                       const std::atomic<bool>& draining)>;

/// A service whose sessions share, beside what `open` holds, only whether it drains, which is when
/// they are to finish. Safe to call from several threads as far as `open` is.
std::shared_ptr<Service> service_of(Opening open);

/// How each key's value gets into a service's settings. A setter raises UsageError.
template <typename Settings>
using Setters = std::map<std::string_view, void (*)(Settings&, std::string_view)>;

template <typename Settings>
Settings parse_own(const Setters<Settings>& setters, const OwnSettings& own) {
  Settings settings{};
  for (const auto& [key, value] : own) {
    const auto setter = setters.at(key);
    base::naming(key, [&, &text = value] { setter(settings, text); });
  }
  return settings;
}

/// A service with settings of its own; `make` takes the spec and them.
template <typename Settings, typename Make>
ServiceKind kind_with(const Setters<Settings>& setters, std::string_view name,
                      std::string_view argument, Make make) {
  ServiceKind kind{.name = name, .argument = argument};
  for (const auto& [key, setter] : setters) kind.keys.push_back(key);
  kind.check = [setters](const OwnSettings& own) { parse_own(setters, own); };
  kind.make = [setters, make](const ServiceSpec& spec, const Context&) {
    return make(spec, parse_own(setters, spec.own));
  };
  return kind;
}

}  // namespace poetry::session
