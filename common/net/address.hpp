// Where to listen and connect: what users write ("[::1]:10000"), and what the kernel takes.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace poetry::net {

inline constexpr std::string_view default_host = "127.0.0.1";

/// A host, by name or number and without brackets, and a port.
struct HostPort {
  std::string host{default_host};
  std::uint16_t port = 0;

  bool operator==(const HostPort&) const = default;
};

/// Parses "[HOST:]PORT", an IPv6 host in brackets, the port a number from `min_port` to 65535 or
/// the name of a service (services(5)). Raises UsageError naming `text`.
HostPort parse_host_port(std::string_view text, std::uint16_t min_port = 1);

/// "127.0.0.1:10000", "[::1]:10000", "localhost:10000".
std::string to_string(const HostPort& where);

/// A socket address, IPv4 or IPv6.
class Address {
 public:
  Address() = default;
  Address(const sockaddr* address, socklen_t size);

  [[nodiscard]] const sockaddr* data() const {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const;
  [[nodiscard]] int family() const { return storage_.sin6_family; }
  // sin_port and sin6_port stand at the same place in both families.
  [[nodiscard]] std::uint16_t port() const { return ntohs(storage_.sin6_port); }
  void set_port(std::uint16_t port) { storage_.sin6_port = htons(port); }
  /// The numeric host without brackets: "127.0.0.1", "::1", "fe80::1%eth0".
  [[nodiscard]] std::string host() const;

  /// The IPv4 address that an IPv6 one stands for (RFC 4291, section 2.5.5.2); any other as it is.
  [[nodiscard]] Address unmapped() const;

  bool operator==(const Address& other) const;

 private:
  sockaddr_in6 storage_{};  // the larger of the two families
};

/// "127.0.0.1:10000", "[::1]:10000".
std::string to_string(const Address& address);

enum class Family { any, ipv4, ipv6 };

/// The category of getaddrinfo(3)'s EAI_ codes.
const std::error_category& resolve_category();

/// Whether descriptors or memory are used up, so that it helps to wait for others to give some
/// back.
bool is_shortage(std::error_code error);

struct Resolved {
  std::vector<Address> addresses;  ///< in the resolver's order (RFC 6724); empty on failure
  std::error_code error;           ///< in resolve_category() or generic_category()
};

/// Resolves by getaddrinfo(3) for stream sockets; may block for as long as the resolver does.
Resolved resolve(const HostPort& where, Family family = Family::any);
/// The same, at least one. Raises std::system_error naming the host.
std::vector<Address> addresses_of(const HostPort& where);

/// The address if `where` is numeric, without asking any resolver; empty and no error if not.
Resolved resolve_numeric(const HostPort& where, Family family = Family::any);

}  // namespace poetry::net
