// The web server: the page, the API and the stream of events, over HTTP/1.1. Owned by main; its
// coroutines run on the io_context, its calls of the database in the pool.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "http/api.hpp"
#include "http/hub.hpp"
#include "net/address.hpp"
#include "tcp/blocking_pool.hpp"

namespace poetry {

struct WebOptions {
  HostPort listen{"127.0.0.1", 8080};
  std::string token;               ///< that every request must bear; none on loopback
  std::vector<std::string> hosts;  ///< names that requests may come for, besides the address
  Duration request_timeout = std::chrono::seconds(10);  ///< from a request's first byte to its last
  Duration idle_timeout = std::chrono::seconds(60);     ///< between two requests
  Duration send_timeout = std::chrono::seconds(30);     ///< for a peer that takes nothing
  std::uint64_t most_streams = 10'000;
};

class Web {
 public:
  /// Serves on a listener at the options' place. Raises std::system_error. Borrows what it is given
  /// by reference until the io_context has run out of work.
  Web(WebOptions options, Fd listener, boost::asio::io_context& io, BlockingPool& database,
      Api& api, Hub& hub);
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;
  ~Web();

  /// Where it listens, with the port that was taken for 0.
  [[nodiscard]] HostPort where() const;
  /// Ends all connections at once, in the io_context's thread; what the database does for them is
  /// waited for by the io_context.
  void stop();

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace poetry
