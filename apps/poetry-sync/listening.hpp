// Listeners of the page and the control port. Free functions.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "net/address.hpp"

namespace poetry {

using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp,
                                                    boost::asio::io_context::executor_type>;

/// Listens at the first address of a name. Raises std::system_error naming it.
Acceptor listening(boost::asio::io_context& io, const HostPort& where);

/// Whether all of a host's addresses are those of this machine alone. Asks the resolver.
bool is_loopback(const std::string& host);

}  // namespace poetry
