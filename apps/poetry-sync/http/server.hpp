// The web server: the page, the API and the stream of events, over HTTP/1.1. Owned by main; its
// coroutines run on the io_context, its calls of the database in the pool.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "base/fd.hpp"
#include "http/api.hpp"
#include "http/change_feed.hpp"
#include "http/web_options.hpp"
#include "net/address.hpp"
#include "tcp/blocking_pool.hpp"

namespace poetry::sync::http {

class Web {
 public:
  /// Serves on a listener at the options' place. Raises std::system_error. Borrows what it is given
  /// by reference until the io_context has run out of work.
  Web(WebOptions options, base::Fd listener, boost::asio::io_context& io,
      tcp::BlockingPool& database, Api& api, ChangeFeed& feed);
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;
  ~Web();

  /// Where it listens, with the port that was taken for 0.
  [[nodiscard]] net::HostPort where() const;
  /// Ends all connections at once, in the io_context's thread; what the database does for them is
  /// waited for by the io_context.
  void stop();

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace poetry::sync::http
