#include "work/hosts.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <climits>

#include "fetch/resolver.hpp"

namespace poetry::sync::work {
namespace {

constexpr int asked_every_ms = 200;

class PlaceCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "place"; }
  [[nodiscard]] std::string message(int /*code*/) const override {
    return "stands for this machine or its link, which the record does not name";
  }
};

bool names_this_machine(const std::string& host) {
  std::array<char, HOST_NAME_MAX + 1> own{};
  ::gethostname(own.data(), own.size() - 1);
  const std::string name(own.data());
  return boost::iequals(host, "localhost") || boost::iends_with(host, ".localhost") ||
         (!name.empty() && (boost::iequals(host, name) || boost::istarts_with(host, name + ".")));
}

/// RFC 6890: "this network", loopback and link-local.
bool is_of_this_machine(const net::Address& each) {
  const auto host = each.unmapped().host();
  const auto is_in = [&host](const char* prefix) { return host.starts_with(prefix); };
  return host == "::" || host == "::1" || is_in("0.") || is_in("127.") || is_in("169.254.") ||
         is_in("fe8") || is_in("fe9") || is_in("fea") || is_in("feb");
}

}  // namespace

net::Resolved look_up(const net::HostPort& where, net::Family family) {
  auto found = net::resolve_numeric(where, family);
  if (!found.addresses.empty() || found.error) return found;
  found = net::resolve(where, family);
  if (found.addresses.empty() || names_this_machine(where.host)) return found;
  static const PlaceCategory category;
  std::erase_if(found.addresses, is_of_this_machine);
  if (found.addresses.empty()) found.error = {1, category};
  return found;
}

std::map<std::string, net::Resolved> look_up_all(const std::set<std::string>& hosts,
                                                 const std::function<bool()>& go_on) {
  std::map<std::string, net::Resolved> found;
  fetch::Resolver resolver(fetch::Resolver::make_lookups(look_up));
  for (const auto& host : hosts) {
    const auto answered = [&found, host](const net::Resolved& each) { found[host] = each; };
    resolver.ask({host, 0}, net::Family::any, {.begun = [] {}, .answered = answered});
  }
  while (found.size() < hosts.size() && go_on()) {
    pollfd answer{resolver.fd(), POLLIN, 0};
    ::poll(&answer, 1, asked_every_ms);
    resolver.deliver();
  }
  return found;
}

net::Resolved shared_addresses(net::Resolved one, const net::Resolved& other) {
  std::erase_if(one.addresses, [&other](const net::Address& each) {
    return std::ranges::find(other.addresses, each) == other.addresses.end();
  });
  return one;
}

}  // namespace poetry::sync::work
