// The engine over Boost.Asio: the reactor engine with Asio in place of a multiplexer of ours. Each
// wait is an asynchronous operation on an io_context, started when it is wanted.
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <vector>

#include "engine/reactor.hpp"

namespace poetry {
namespace {

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;

/// Waits by Descriptor::async_wait(). An operation that is under way stays so until its descriptor
/// is ready or set() forgets it; what stays ready is asked for again, which makes it
/// level-triggered.
class AsioMultiplexer final : public Multiplexer {
 public:
  AsioMultiplexer() = default;
  AsioMultiplexer(const AsioMultiplexer&) = delete;
  AsioMultiplexer& operator=(const AsioMultiplexer&) = delete;
  ~AsioMultiplexer() override {
    for (auto& slot : slots_) {
      if (slot) give_back(*slot);
    }
    io_.restart();
    io_.poll();  // ends the operations that were cancelled
  }

  void set(int fd, Interest interest) override {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= slots_.size()) slots_.resize(std::max(index + 1, 2 * slots_.size()));
    auto& slot = slots_[index];
    if (interest == Interest::none) {
      if (slot) give_back(*slot);
      slot.reset();
      return;
    }
    if (!slot) slot = std::make_shared<Slot>(io_, fd);
    slot->wanted = interest;
    start(slot);
  }

  std::span<const Ready> wait(Duration timeout) override {
    for (const auto& ready : ready_) {  // of the last wait: ask again for what is still wanted
      if (const auto& slot = slots_[static_cast<std::size_t>(ready.fd)]) start(slot);
    }
    ready_.clear();
    io_.restart();
    if (timeout == forever) {
      io_.run_one();
    } else if (timeout > Duration::zero()) {
      io_.run_one_for(timeout);
    }
    io_.poll();
    return ready_;
  }

 private:
  struct Slot {
    Slot(asio::io_context& io, int borrowed) : fd(borrowed), descriptor(io, borrowed) {}
    int fd;
    Descriptor descriptor;
    Interest wanted = Interest::none;
    Interest started = Interest::none;
  };

  void start(const std::shared_ptr<Slot>& slot) {
    start(slot, Interest::read, Descriptor::wait_read);
    start(slot, Interest::write, Descriptor::wait_write);
  }

  void start(const std::shared_ptr<Slot>& slot, Interest interest, Descriptor::wait_type how) {
    if (!has(slot->wanted, interest) || has(slot->started, interest)) return;
    slot->started = slot->started | interest;
    slot->descriptor.async_wait(how, [this, slot, interest](const auto& error) {
      slot->started = without(slot->started, interest);
      if (error == asio::error::operation_aborted || !has(slot->wanted, interest)) return;
      ready_.push_back({slot->fd, interest});
    });
  }

  /// The descriptor is borrowed: it must outlive the object that waits for it.
  static void give_back(Slot& slot) {
    slot.wanted = Interest::none;
    [[maybe_unused]] const int borrowed = slot.descriptor.release();
  }

  asio::io_context io_{1};
  std::vector<std::shared_ptr<Slot>> slots_;  // by descriptor; operations hold theirs
  std::vector<Ready> ready_;
};

}  // namespace

std::unique_ptr<Engine> make_asio_engine() {
  return make_reactor_engine([] { return std::make_unique<AsioMultiplexer>(); });
}

}  // namespace poetry
