// Little servers and an observer for tests of every strategy; included by these alone.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "fetch/strategy.hpp"
#include "support/loopback.hpp"

namespace poetry::fetch {

using std::chrono::milliseconds;

/// Accepts on a free port in a thread and serves one connection after another until it goes.
class LittleServer {
 public:
  explicit LittleServer(
      std::function<void(base::Fd&)> serve,
      const net::Address& at = net::resolve_numeric({"127.0.0.1", 0}).addresses.at(0))
      : listener_(net::listen_on(at, 1024)),
        serve_(std::move(serve)),
        thread_([this] { accept(); }) {}
  ~LittleServer() {
    ended_ = true;
    support::connect_to(net::local_address(listener_.get()));
    thread_.join();
  }
  int listener() const { return listener_.get(); }
  net::HostPort where() const {
    const net::Address at = net::local_address(listener_.get());
    return {at.host(), at.port()};
  }

 private:
  void accept() {
    while (!ended_) {
      pollfd polled{listener_.get(), POLLIN, 0};
      ::poll(&polled, 1, -1);
      net::Accepted accepted = net::accept_from(listener_.get());
      if (accepted.socket && !ended_) serve_(accepted.socket);
    }
  }
  base::Fd listener_;
  std::function<void(base::Fd&)> serve_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

inline void wait_for_end(int socket) {
  pollfd polled{socket, POLLIN, 0};
  ::poll(&polled, 1, 10'000);
}

/// Once asked, sends what the client's kernel takes note of, and then resets. Not before: a
/// connect(2) that has not returned by the reset throws away what has come.
inline void serve_part(base::Fd& socket) {
  wait_for_end(socket.get());
  net::send_some(socket.get(), "part\n");
  while (net::unacknowledged(socket.get()) > 0) ::poll(nullptr, 0, 1);
  net::reset_on_close(socket.get());
}
inline void serve_poem(base::Fd& socket) { net::send_some(socket.get(), "one\ntwo\n"); }
inline void serve_nothing(base::Fd& socket) { wait_for_end(socket.get()); }
inline void serve_reset(base::Fd& socket) { net::reset_on_close(socket.get()); }
inline void serve_without_end(base::Fd& socket) {
  const std::string text(4096, 'x');
  for (;;) {
    const auto status = net::send_some(socket.get(), text).status;
    if (status == net::IoStatus::error) return;
    pollfd polled{socket.get(), POLLOUT, 0};
    ::poll(&polled, 1, 10'000);
  }
}
/// A byte every few milliseconds, until the client goes.
inline void serve_trickle(base::Fd& socket) {
  pollfd polled{socket.get(), POLLIN, 0};
  while (net::send_some(socket.get(), "x").status == net::IoStatus::ok &&
         ::poll(&polled, 1, 5) == 0) {
  }
}
inline void serve_half_closed(base::Fd& socket) {
  net::send_some(socket.get(), "one\ntwo\n");
  net::half_close(socket.get());
  wait_for_end(socket.get());
}
inline void serve_echo(base::Fd& socket) {
  for (std::array<char, 4096> buffer{};;) {
    wait_for_end(socket.get());
    const net::IoResult got = net::receive_some(socket.get(), buffer);
    if (got.status != net::IoStatus::ok) return;
    for (std::string_view left(buffer.data(), got.bytes); !left.empty();) {
      left.remove_prefix(net::send_some(socket.get(), left).bytes);
    }
  }
}

inline net::HostPort refusing() {
  const base::Fd gone = support::listen_on_loopback();
  return {"127.0.0.1", net::local_address(gone.get()).port()};
}

/// Whether an observer's calls take long enough for others to run into them.
enum class Linger { no, yes };

class Texts : public Observer {
 public:
  explicit Texts(std::size_t tasks) : text(tasks), seen(tasks), ends(tasks) {}
  std::string received(std::size_t task, const Record& record, std::string_view bytes) override {
    const Inside inside(*this);
    EXPECT_EQ(record.bytes, seen[task] += bytes.size());
    if (text[task].size() < max_kept) text[task].append(bytes);
    if (raise_for == task) throw std::runtime_error("no more");
    return fail_for == task ? "disk full" : "";
  }
  void retrying(std::size_t task, const Record&, base::Duration) override {
    const Inside inside(*this);
    text[task].clear();
    seen[task] = 0;
    ++retries;
  }
  void ended(std::size_t task, Record&) override {
    const Inside inside(*this);
    ++ends[task];
    if (at_end) at_end();
  }

  static constexpr std::size_t max_kept = std::size_t{16} << 20;
  std::vector<std::string> text;
  std::vector<std::uint64_t> seen;
  std::vector<int> ends;
  int retries = 0;
  std::function<void()> at_end;
  std::size_t fail_for = ~std::size_t{0};
  std::size_t raise_for = ~std::size_t{0};
  Linger linger = Linger::no;

 private:
  /// Sees that no two calls overlap.
  class Inside {
   public:
    explicit Inside(Texts& texts) : texts_(texts) {
      EXPECT_EQ(++texts_.inside_, 1);
      EXPECT_FALSE(texts_.raised_);
      if (texts_.linger == Linger::yes) ::poll(nullptr, 0, 1);
    }
    ~Inside() {
      texts_.raised_ = std::uncaught_exceptions() > 0;
      --texts_.inside_;
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Texts& texts_;
  };
  std::atomic<int> inside_ = 0;
  std::atomic<bool> raised_ = false;
};

class Strategies : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    try {
      find_strategy(GetParam());
    } catch (const std::system_error& refused) {
      GTEST_SKIP() << refused.what();
    }
  }
  std::vector<Outcome> run() {
    texts_.emplace(batch_.servers.size()).fail_for = fail_for_;
    texts_->linger = linger_;
    texts_->at_end = at_end_;
    result_ = find_strategy(GetParam())(batch_, *texts_, signals_);
    EXPECT_THAT(texts_->ends, ::testing::Each(1));
    std::vector<Outcome> outcomes;
    for (const Record& record : result_.records) outcomes.push_back(record.outcome);
    return outcomes;
  }
  net::Signals signals_{SIGUSR2};  // before any thread, so that none of them takes the signal
  Batch batch_;
  Result result_;
  std::optional<Texts> texts_;
  std::size_t fail_for_ = ~std::size_t{0};
  Linger linger_ = Linger::no;
  std::function<void()> at_end_;
};

}  // namespace poetry::fetch
