// The control port: a line a request, a line a reply, for the sync client, ncat and scripts. Owned
// by main; its coroutines run on the io_context, its calls of the database in the pool.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "net/address.hpp"
#include "store/store.hpp"
#include "tcp/blocking_pool.hpp"

namespace poetry::sync::control {

struct ControlOptions {
  net::HostPort listen{"127.0.0.1", 8081};
  std::string token;  ///< that a connection must give first; none on loopback
  base::Duration idle_timeout = std::chrono::minutes(1);  ///< for a line to come, and to be taken
};

class Control {
 public:
  /// Serves on a listener at the options' place. Raises std::system_error. `quit` is called in the
  /// io_context's thread. Borrows what it is given by reference until the io_context has run out of
  /// work.
  Control(ControlOptions options, base::Fd listener, boost::asio::io_context& io,
          tcp::BlockingPool& database, store::Store& store, std::function<void()> quit);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  ~Control();

  [[nodiscard]] net::HostPort where() const;
  /// Somebody has changed the store: answers those who wait for a line. By any thread.
  void wake();
  /// Ends all connections at once, in the io_context's thread.
  void stop();

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace poetry::sync::control
