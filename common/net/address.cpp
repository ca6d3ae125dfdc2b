#include "net/address.hpp"

#include <fcntl.h>
#include <locale.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"

namespace poetry::net {
namespace {

class ResolveCategory : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "resolve"; }
  [[nodiscard]] std::string message(int code) const override { return ::gai_strerror(code); }
};

// Where it lacks a descriptor, getaddrinfo(3) says anything: that there is no such name, to try
// again, or an errno of long ago.
std::error_code lookup_error(int code, int error) {
  const base::Fd another(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!another && (errno == EMFILE || errno == ENFILE)) return {errno, std::generic_category()};
  if (code == EAI_MEMORY) return {ENOMEM, std::generic_category()};
  if (code == EAI_SYSTEM) return {error, std::generic_category()};
  return {code, resolve_category()};
}

Resolved look_up(const HostPort& where, Family family, int flags) {
  // Names are UTF-8, whatever the locale; null where there is none, and the thread's stays.
  static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const bool is_utf8 =
      flags == 0 && !boost::algorithm::all(where.host, boost::is_from_range('\0', '\x7f'));
  if (is_utf8) flags = AI_IDN;
  addrinfo hints{};
  hints.ai_family = family == Family::ipv4   ? AF_INET
                    : family == Family::ipv6 ? AF_INET6
                                             : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const auto port = std::to_string(where.port);
  const locale_t before = ::uselocale(is_utf8 ? utf8 : nullptr);
  const int code = ::getaddrinfo(where.host.c_str(), port.c_str(), &hints, &found);
  ::uselocale(before);
  if (code != 0) return {{}, lookup_error(code, errno)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Resolved resolved;
  for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    resolved.addresses.emplace_back(entry->ai_addr, entry->ai_addrlen);
  }
  return resolved;
}

// A name has at most 253 characters (RFC 1035), a numeric address with a zone fewer.
constexpr std::size_t max_host = 255;

bool is_no_part_of_a_host(char each) {
  const auto byte = static_cast<unsigned char>(each);
  return byte <= ' ' || byte == 0x7f || each == '[' || each == ']';
}

}  // namespace

/// "smtp" is 25, as /etc/services has it; none for a number.
std::optional<std::uint16_t> service_port(std::string_view name) {
  if (name.empty() || name.find_first_not_of("0123456789-") == std::string_view::npos) return {};
  servent service{};
  servent* found = nullptr;
  std::array<char, 1024> room{};
  ::getservbyname_r(std::string(name).c_str(), "tcp", &service, room.data(), room.size(), &found);
  if (found == nullptr) return {};
  return ntohs(static_cast<std::uint16_t>(found->s_port));
}

HostPort parse_host_port(std::string_view text, std::uint16_t min_port) {
  HostPort where;
  auto port = text;
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos) {
    auto host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) host = host.substr(1, host.size() - 2);
    if (host.empty() || host.size() > max_host ||
        std::any_of(host.begin(), host.end(), is_no_part_of_a_host)) {
      throw base::UsageError("not an address [HOST:]PORT", text);
    }
    if (!brackets && host.find(':') != std::string_view::npos)
      throw base::UsageError("an IPv6 host needs brackets, as in [::1]:10000", text);
    where.host = host;
  } else if (text.starts_with('[')) {
    throw base::UsageError("an address needs a port", text);
  }
  if (const auto known = service_port(port)) {
    where.port = *known;
    return where;
  }
  try {
    where.port = static_cast<std::uint16_t>(base::parse_count(port, "port", min_port, 65535));
  } catch (const base::UsageError&) {
    if (port.empty() || port.find_first_not_of("0123456789") != std::string_view::npos)
      throw base::UsageError("port is neither a number nor a known service", text);
    throw base::UsageError("port is not in " + std::to_string(min_port) + " to 65535", text);
  }
  return where;
}

std::string to_string(const HostPort& where) {
  const bool ipv6 = where.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

Address::Address(const sockaddr* address, socklen_t size) {
  std::memcpy(&storage_, address, std::min<std::size_t>(size, sizeof storage_));
}

socklen_t Address::size() const {
  if (family() == AF_INET) return sizeof(sockaddr_in);
  return family() == AF_INET6 ? sizeof(sockaddr_in6) : 0;
}

std::string Address::host() const {
  std::array<char, NI_MAXHOST> text{};
  const int code = ::getnameinfo(data(), size(), text.data(), text.size(), nullptr, 0,
                                 NI_NUMERICHOST | NI_NUMERICSERV);
  return code == 0 ? std::string(text.data()) : std::string("?");
}

Address Address::unmapped() const {
  if (family() != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&storage_.sin6_addr)) return *this;
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = storage_.sin6_port;
  std::memcpy(&ipv4.sin_addr, &storage_.sin6_addr.s6_addr[12], sizeof ipv4.sin_addr);
  Address address;
  std::memcpy(&address.storage_, &ipv4, sizeof ipv4);
  return address;
}

bool Address::operator==(const Address& other) const {
  return family() == other.family() && std::memcmp(&storage_, &other.storage_, size()) == 0;
}

std::string to_string(const Address& address) {
  return to_string(HostPort{address.host(), address.port()});
}

const std::error_category& resolve_category() {
  static const ResolveCategory category;
  return category;
}

bool is_shortage(std::error_code error) {
  return error == std::errc::too_many_files_open ||
         error == std::errc::too_many_files_open_in_system ||
         error == std::errc::not_enough_memory || error == std::errc::no_buffer_space;
}

Resolved resolve(const HostPort& where, Family family) { return look_up(where, family, 0); }

std::vector<Address> addresses_of(const HostPort& where) {
  auto found = resolve(where);
  if (found.addresses.empty()) throw std::system_error(found.error, "resolve " + where.host);
  return std::move(found.addresses);
}

Resolved resolve_numeric(const HostPort& where, Family family) {
  auto resolved = look_up(where, family, AI_NUMERICHOST);
  resolved.error.clear();
  return resolved;
}

}  // namespace poetry::net
