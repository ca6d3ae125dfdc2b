// The control port: a line a request, a line a reply, for the sync client, ncat and scripts. Owned
// by main; its coroutines run on the io_context, its calls of the database in the pool.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "net/address.hpp"
#include "store/store.hpp"
#include "tcp/server.hpp"

namespace poetry::sync::control {

struct ControlOptions {
  net::HostPort listen{"127.0.0.1", 8081};
  std::string token;  ///< that a connection must give first; none on loopback
  base::Duration idle_timeout = std::chrono::minutes(1);  ///< for a line to come, and to be taken
};

enum class After { go_on, close, quit };

struct Reply {
  std::string line;  ///< without its newline; empty: nothing new is there yet
  After after = After::go_on;
};

class Control {
 public:
  /// Serves on a listener at the options' place. Raises std::system_error. `quit` is called in the
  /// io_context's thread. Borrows what it is given by reference until the io_context has run out of
  /// work.
  Control(ControlOptions options, base::Fd listener, boost::asio::io_context& io,
          boost::asio::thread_pool& database, store::Store& store, std::function<void()> quit);

  /// Where it listens, with the port that was taken for 0.
  [[nodiscard]] net::HostPort where() const { return {options_.listen.host, tcp_.port()}; }
  /// Somebody has changed the store: answers those who wait for a line. By any thread.
  void wake();
  /// Ends all connections at once, in the io_context's thread.
  void stop();

 private:
  tcp::Coroutine<void> serve(tcp::TcpConnection& connection);
  tcp::Coroutine<Reply> ask(const std::string& line);

  const ControlOptions options_;
  boost::asio::io_context& io_;
  boost::asio::thread_pool& database_;
  store::Store& store_;
  const std::function<void()> quit_;
  tcp::TcpServer tcp_;
  std::uint64_t changes_ = 0;            // of the store, of which was told
  std::set<tcp::SteadyTimer*> waiting_;  // for the next of them
};

}  // namespace poetry::sync::control
