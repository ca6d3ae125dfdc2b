#include "remedies.hpp"

#include <cerrno>
#include <system_error>

namespace poetry::get {

// A record keeps an error as the text that messages show.
std::string_view remedy_for(const fetch::Record& record) {
  const auto tells = [&record](std::string_view text) {
    return record.error.find(text) != std::string::npos;
  };
  if (record.outcome == fetch::Outcome::resolve) return name_remedy;
  if (record.outcome == fetch::Outcome::output && tells("temporary file in")) return spool_remedy;
  if (record.outcome != fetch::Outcome::connect) return {};
  if (tells(std::generic_category().message(ENETUNREACH))) return route_remedy;
  return tells("net.ipv4.ip_local_port_range") ? ports_remedy : std::string_view{};
}

}  // namespace poetry::get
