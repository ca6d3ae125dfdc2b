// An engine at work for a test: it serves one service on one loopback port, in a thread of its own,
// until it is told to end or the rig goes.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "conformance/lists.hpp"
#include "engine/engine.hpp"
#include "session/poem.hpp"
#include "support/loopback.hpp"

namespace poetry::support {

/// For what never takes long, unless it is broken.
inline constexpr auto patience = std::chrono::seconds(60);

/// Whether it comes true.
inline bool becomes_true(const std::function<bool()>& condition) {
  const auto deadline = base::Clock::now() + patience;
  while (!condition()) {
    if (base::Clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// An engine in a thread of its own, serving one service on one port.
class Rig : public engine::Host {
 public:
  /// Takes the service over: the test keeps it only where it says so.
  Rig(const std::string& engine, std::shared_ptr<session::Service> service,
      std::uint64_t max_clients = 0, base::Duration drain_timeout = base::Duration::zero(),
      std::uint64_t seed = 0)
      : control_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    auto& port = ports_.emplace_back();
    port.listener = listen_on_loopback();
    address_ = net::local_address(port.listener.get());
    port.service_name = "test";
    port.counters = std::make_shared<engine::Counters>();
    port.service = std::move(service);
    port.quota = std::make_shared<engine::Quota>(engine::Quota{max_clients});
    port.send_timeout = std::chrono::seconds(10);
    port.seed = seed;
    thread_ = std::thread([this, engine, drain_timeout] {
      conformance::make_listed_engine(engine).serve(ports_, *this,
                                                    {{control_.get()}, drain_timeout});
    });
  }
  ~Rig() override { tell(engine::Command::stop); }

  /// Gives a command and, if it ends the engine, waits for that.
  void tell(engine::Command command) {
    if (!thread_.joinable()) return;
    command_ = command;
    ::eventfd_write(control_.get(), 1);
    if (command != engine::Command::go_on) thread_.join();
  }
  /// Serves another one from now on.
  void reload(std::shared_ptr<session::Service> service) {
    std::unique_lock lock(mutex_);
    next_service_ = std::move(service);
    ::eventfd_write(control_.get(), 1);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [this] { return !next_service_; }));
  }
  [[nodiscard]] const net::Address& address() const { return address_; }
  [[nodiscard]] std::vector<engine::Reason> reasons() {
    const std::lock_guard lock(mutex_);
    return reasons_;
  }
  /// The reasons, once there are so many.
  [[nodiscard]] std::vector<engine::Reason> reasons(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [&] { return reasons_.size() >= count; }));
    return reasons_;
  }

  /// The same by the connections' numbers.
  [[nodiscard]] std::map<std::uint64_t, engine::Reason> endings(std::size_t count) {
    static_cast<void>(reasons(count));
    const std::lock_guard lock(mutex_);
    return endings_;
  }

  engine::Command control(engine::Connections& /*connections*/) override {
    eventfd_t count = 0;
    ::eventfd_read(control_.get(), &count);
    const std::lock_guard lock(mutex_);
    if (next_service_) ports_[0].service = std::exchange(next_service_, nullptr);
    changed_.notify_all();
    return command_;
  }
  engine::Command ended(const engine::Ended& connection) override {
    const std::lock_guard lock(mutex_);
    reasons_.push_back(connection.reason);
    endings_[connection.number] = connection.reason;
    changed_.notify_all();
    return engine::Command::go_on;
  }

 private:
  base::Fd control_;
  std::vector<engine::Port> ports_;
  net::Address address_;
  std::atomic<engine::Command> command_{engine::Command::go_on};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<engine::Reason> reasons_;
  std::map<std::uint64_t, engine::Reason> endings_;
  std::shared_ptr<session::Service> next_service_;
  std::thread thread_;
};

/// A poem that sends one line and then listens for an hour.
inline std::shared_ptr<session::Service> endless() {
  return std::make_shared<session::PoemService>(base::SealedText::copy("a\nb\n"),
                                                session::Pacing{.delay = std::chrono::hours(1)});
}

/// A line of one letter.
inline void hear_first_line(int socket) {
  std::array<char, 2> line{};
  ASSERT_EQ(net::receive_some(socket, line).bytes, 2U);
}

/// A service with a session that does as the function says, which each session has a copy of.
struct Custom : session::Service {
  using Next = std::function<session::Step(const session::Peer&, base::TimePoint)>;
  struct Its : session::Session {
    Its(const session::Peer& its_peer, Next its_next)
        : peer(its_peer), function(std::move(its_next)) {}
    session::Step next(base::TimePoint now) override { return function(peer, now); }
    session::Peer peer;
    Next function;
  };
  explicit Custom(Next its_next) : function(std::move(its_next)) {}
  std::unique_ptr<session::Session> open(const session::Peer& peer,
                                         base::TimePoint /*now*/) override {
    return std::make_unique<Its>(peer, function);
  }
  Next function;
};

}  // namespace poetry::support
