// Multiplexer by Boost.Asio: an io_context waits for one timer and one descriptor, the set of all
// that is watched. A descriptor of Asio's own with an operation under way takes 300 bytes, more
// than all the rest of a connection.
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "reactor/epoll.hpp"

namespace poetry::reactor {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;

class AsioSet final : public Multiplexer {
 public:
  ~AsioSet() override { [[maybe_unused]] const int borrowed = watched_.release(); }

  void set(int fd, Interest interest) override { set_.set(fd, interest); }
  void forget(int fd) override { set_.forget(fd); }

  std::span<const Ready> wait(base::Duration timeout) override {
    if (!waits_) watch();
    if (timeout > base::Duration::zero()) {
      wait_for_any(timeout);
    } else {
      io_.poll();
    }
    io_.restart();  // poll() may have left it stopped
    return set_.wait(base::Duration::zero());
  }

 private:
  /// Asks once, as often as it has been answered: what stays ready is reported again.
  void watch() {
    watched_.async_wait(asio::posix::descriptor_base::wait_read,
                        [this](const Error& /*error*/) { waits_ = false; });
    waits_ = true;
  }

  /// The io_context's own time limits are in milliseconds, its timers are exact.
  void wait_for_any(base::Duration timeout) {
    bool over = false;
    asio::steady_timer timer(io_);
    if (timeout != forever) {
      timer.expires_after(timeout);
      timer.async_wait([&over](const Error& /*error*/) { over = true; });
    }
    while (waits_ && !over) io_.run_one();
    timer.cancel();
    while (timeout != forever && !over) io_.run_one();  // the timer's answer, which is here
  }

  Epoll set_;
  asio::io_context io_{1};
  asio::posix::stream_descriptor watched_{io_, set_.fd()};
  bool waits_ = false;  // the io_context waits for watched_
};

}  // namespace

std::unique_ptr<Multiplexer> make_asio_set() { return std::make_unique<AsioSet>(); }

}  // namespace poetry::reactor
