// Services by name, as --serve writes them: "poem:FILE,key=value,...".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "session/service_kind.hpp"

namespace poetry::session {

/// The names of all services, as in "poem, discard, echo".
std::string service_names();

/// Whether the service has a pace, so that --delay says something of it.
bool is_paced(const ServiceSpec& spec);

/// Parses "SERVICE:ARGUMENT,key=value,..."; a comma or backslash in a value is "\," or "\\".
/// Raises UsageError for an unknown service, key or value, listing the valid ones.
ServiceSpec parse_service(std::string_view text, const ServiceSettings& defaults);

/// The spec of a poem in a file.
ServiceSpec poem_spec(const std::string& path, const ServiceSettings& settings);

/// Set --chunk, "line" or a size of at least 1 byte; --delay; --rate, a size from 1 byte; and
/// --duration, more than 0. Of those that exclude each other the last one wins. Raise UsageError.
void set_chunk(Pacing& pacing, std::string_view text);
void set_delay(Pacing& pacing, std::string_view text);
void set_rate(Pacing& pacing, std::string_view text);
void set_duration(Pacing& pacing, std::string_view text);

/// Parses --repeat: "forever" or a count from 1.
std::uint64_t parse_repeat(std::string_view text);
std::string format_chunk(std::uint64_t chunk);
std::string format_repeat(std::uint64_t repeat);

/// Makes the service, reading what it serves. Raises std::system_error naming the file.
std::shared_ptr<Service> make_service(const ServiceSpec& spec, const Context& context);

}  // namespace poetry::session
