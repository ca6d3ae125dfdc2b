// The socket calls, close-on-exec from their creation. Setting up throws; would-block, end of
// stream and a peer's reset are values.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "net/address.hpp"

namespace poetry::net {

enum class Blocking { yes, no };

/// Whom a socket at the IPv6 address "::" serves: IPv4 as well, or IPv6 alone, as any other does.
enum class Families { both, own };

/// Binds, non-blocking, with SO_REUSEADDR, and does not listen: whoever connects is refused, and
/// nobody else can have the port. Connections accepted later
/// inherit that small writes go out at once (TCP_NODELAY) and that the kernel tries a silent peer
/// from time to time (SO_KEEPALIVE). Raises std::system_error naming the address.
base::Fd bind_to(const Address& address, Families families = Families::own);

/// bind_to(), and listens; `backlog` as in listen(2).
base::Fd listen_on(const Address& address, int backlog, Families families = Families::own);

/// Several listeners at one address, among which the kernel divides the connections by where they
/// come from (SO_REUSEPORT, socket(7)); one alone is that of listen_on(). The first is bound before
/// it lets others in beside it, so that an address which somebody else shares is in use all the
/// same. All of them or none.
std::vector<base::Fd> listen_together(const Address& address, int backlog, std::size_t count,
                                      Families families = Families::own);

/// What helps where a name was not found for listening, or its address could not be bound.
std::string_view listening_remedy(const std::error_code& error);

/// Gives a listener that another process made what those of listen_on() have, but for its address.
void adopt_listener(int listener, int backlog);

/// Listens like listen_on(), but no handshake ever completes, without privileges: from before it
/// listens the port drops every packet whose hop limit is not 255, which no system sends by default
/// and no router leaves as it is; and for those that are set to it, the backlog is full. Raises
/// std::system_error where that cannot be had.
base::Fd listen_in_silence(const Address& address, Families families = Families::own);

/// The address that a socket is bound to. Raises std::system_error.
Address local_address(int socket);

/// The error or state that a call ended with; `bytes` is meaningful where `status` is ok.
enum class IoStatus { ok, would_block, end, error };
struct IoResult {
  IoStatus status = IoStatus::ok;
  std::size_t bytes = 0;
  std::error_code error;
};

/// What accept_from() found: `socket` is empty where `error` is set or nothing waits.
struct Accepted {
  base::Fd socket;
  Address peer;
  std::error_code error;  ///< would-block as std::errc::operation_would_block
};

/// Accepts one connection at a non-blocking listener, and has its socket block or not. Connections
/// that died in the queue are passed over. A peer of IPv4 is told as such, whatever the listener.
Accepted accept_from(int listener, Blocking blocking = Blocking::no);

/// A TCP socket for this family. An empty Fd with errno set where there is none to be had.
base::Fd open_socket(int family, Blocking blocking);

/// Lets calls on a non-blocking socket block from now on.
void let_block(int socket);

/// Whether the kernel knows a way there: the error of connect(2) on a UDP socket, which sends
/// nothing.
std::error_code route_to(const Address& address);

/// Starts to connect: ok (connected), would_block (in progress; poll for writing, then ask
/// connect_outcome()) or error. A blocking socket waits as long as the kernel does, or until
/// limit_blocking() ends the wait: then would_block, and the same call waits for the rest.
IoResult start_connect(int socket, const Address& address);

/// What a connection attempt has come to by now: ok, would_block (still in progress) or error.
IoResult connect_outcome(int socket);

/// One read(2), of at most the buffer's size; `end` at the peer's FIN.
IoResult receive_some(int socket, std::span<char> buffer);

/// One send(2) that raises no SIGPIPE.
IoResult send_some(int socket, std::string_view bytes);

/// Bounds each later blocking call on the socket, by SO_RCVTIMEO and SO_SNDTIMEO (at least 1 us;
/// nanoseconds::max() is no bound).
void limit_blocking(int socket, std::chrono::nanoseconds longest);

/// socketpair(2) of AF_UNIX, close-on-exec. Raises std::system_error.
std::array<base::Fd, 2> make_socket_pair(int type);

/// Sends FIN and keeps the reading side open. An error means that the connection is gone already.
void half_close(int socket);

/// Makes the next close send RST.
void reset_on_close(int socket);

/// Bytes sent that the peer's kernel has not acknowledged (SIOCOUTQ, tcp(7)).
std::size_t unacknowledged(int socket);

/// Whether the connection is gone for the kernel: by a reset, or by keep-alive without an answer.
bool is_lost(int socket);

}  // namespace poetry::net
