// Services by name, as --serve writes them: "poem:FILE,key=value,...".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "session/catalog.hpp"
#include "session/echo.hpp"
#include "session/poem.hpp"
#include "session/weblog.hpp"

namespace poetry::session {

/// What a port serves and how; --serve's settings override a server's for one port.
struct ServiceSettings {
  Pacing pacing;                                           ///< of poem and chargen
  base::Duration send_timeout = std::chrono::seconds(60);  ///< 0 is never
  std::uint64_t max_clients = 0;                           ///< 0 is no limit
  bool own_max_clients = false;                            ///< max_clients is this port's own
  std::vector<std::string> faults;  ///< as written, see faults/fault_spec.hpp

  bool operator==(const ServiceSettings&) const = default;
};

struct ServiceSpec {
  std::string service;   ///< "poem"
  std::string argument;  ///< after the colon: a path; empty for a built-in poem
  std::string name;      ///< as shown to users: "ecstasy.txt", or the service's name
  ServiceSettings settings;
  EchoPrefix prefix = EchoPrefix::none;  ///< of echo
  WeblogSettings weblog = {};
  std::uint64_t lease = 1;  ///< of fibonacci

  bool operator==(const ServiceSpec&) const = default;
};

/// Parses "SERVICE:ARGUMENT,key=value,..."; a comma or backslash in a value is "\," or "\\".
/// Raises UsageError for an unknown service, key or value, listing the valid ones.
ServiceSpec parse_service(std::string_view text, const ServiceSettings& defaults);

/// The spec of a poem in a file.
ServiceSpec poem_spec(const std::string& path, const ServiceSettings& settings);

/// Parses --chunk: "line" or a size of at least 1 byte; --repeat: "forever" or a count from 1.
std::uint64_t parse_chunk(std::string_view text);
std::uint64_t parse_repeat(std::string_view text);
std::string format_chunk(std::uint64_t chunk);
std::string format_repeat(std::uint64_t repeat);

/// What a service may ask of the server around it.
struct Context {
  Catalog catalog;  ///< what the catalog service shows
};

/// Makes the service, reading what it serves. Raises std::system_error naming the file.
std::shared_ptr<Service> make_service(const ServiceSpec& spec, const Context& context);

}  // namespace poetry::session
