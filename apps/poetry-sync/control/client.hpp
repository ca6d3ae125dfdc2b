// The other end of the control port: sends a line, and waits for its reply. Blocks.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "net/address.hpp"

namespace poetry::sync::control {

class ControlClient {
 public:
  /// Connects, and gives the token where there is one. Raises std::system_error naming the address.
  ControlClient(const net::HostPort& where, const std::string& token);

  /// The reply without its "ok ", or one of "line", "end" or "wait" as it is. Raises
  /// std::runtime_error with what an "error" says, and where the connection is lost, silent for too
  /// long or no worker's.
  std::string ask(const std::string& line);

 private:
  [[noreturn]] void fail(const std::string& why) const;
  std::string read_line();

  std::string where_;
  boost::asio::ip::tcp::iostream stream_;
};

}  // namespace poetry::sync::control
