// Every strategy against servers that behave and misbehave. A new strategy joins by its name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "fetch/strategy.hpp"
#include "support/loopback.hpp"

namespace poetry {
namespace {

using std::chrono::milliseconds;

/// Accepts on a free port in a thread and serves one connection after another until it goes.
class LittleServer {
 public:
  explicit LittleServer(std::function<void(Fd&)> serve)
      : listener_(listen_on_loopback()), serve_(std::move(serve)), thread_([this] { accept(); }) {}
  ~LittleServer() {
    ended_ = true;
    connect_to(local_address(listener_.get()));
    thread_.join();
  }
  HostPort where() const { return {"127.0.0.1", local_address(listener_.get()).port()}; }

 private:
  void accept() {
    while (!ended_) {
      pollfd polled{listener_.get(), POLLIN, 0};
      ::poll(&polled, 1, -1);
      Accepted accepted = accept_from(listener_.get());
      if (accepted.socket && !ended_) serve_(accepted.socket);
    }
  }
  Fd listener_;
  std::function<void(Fd&)> serve_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

void wait_for_end(int socket) {
  pollfd polled{socket, POLLIN, 0};
  ::poll(&polled, 1, 10'000);
}

void serve_poem(Fd& socket) { send_some(socket.get(), "one\ntwo\n"); }
void serve_nothing(Fd& socket) { wait_for_end(socket.get()); }
void serve_reset(Fd& socket) { reset_on_close(socket.get()); }
void serve_without_end(Fd& socket) {
  const std::string text(4096, 'x');
  for (;;) {
    const auto status = send_some(socket.get(), text).status;
    if (status == IoStatus::error) return;
    pollfd polled{socket.get(), POLLOUT, 0};
    ::poll(&polled, 1, 10'000);
  }
}
void serve_echo(Fd& socket) {
  for (std::array<char, 4096> buffer{};;) {
    wait_for_end(socket.get());
    const IoResult got = receive_some(socket.get(), buffer);
    if (got.status != IoStatus::ok) return;
    for (std::string_view left(buffer.data(), got.bytes); !left.empty();) {
      left.remove_prefix(send_some(socket.get(), left).bytes);
    }
  }
}

HostPort refusing() {
  const Fd gone = listen_on_loopback();
  return {"127.0.0.1", local_address(gone.get()).port()};
}

class Texts : public Observer {
 public:
  explicit Texts(std::size_t tasks) : text(tasks), ends(tasks) {}
  std::string received(std::size_t task, const Record&, std::string_view bytes) override {
    text[task].append(bytes);
    return fail_for == task ? "disk full" : "";
  }
  void retrying(std::size_t task, const Record&, Duration) override {
    text[task].clear();
    ++retries;
  }
  void ended(std::size_t task, Record&) override { ++ends[task]; }

  std::vector<std::string> text;
  std::vector<int> ends;
  int retries = 0;
  std::size_t fail_for = ~std::size_t{0};
};

class Strategies : public ::testing::TestWithParam<std::string> {
 protected:
  std::vector<Outcome> run() {
    texts_.emplace(batch_.servers.size()).fail_for = fail_for_;
    result_ = make_strategy(GetParam())->run(batch_, *texts_, signals_);
    EXPECT_THAT(texts_->ends, ::testing::Each(1));
    std::vector<Outcome> outcomes;
    for (const Record& record : result_.records) outcomes.push_back(record.outcome);
    return outcomes;
  }
  Signals signals_{SIGUSR2};  // before any thread, so that none of them takes the signal
  Batch batch_;
  Result result_;
  std::optional<Texts> texts_;
  std::size_t fail_for_ = ~std::size_t{0};
};

TEST_P(Strategies, OneBadServerSpoilsNoOther) {
  LittleServer good(serve_poem);
  LittleServer silent(serve_nothing);
  LittleServer resetting(serve_reset);
  LittleServer endless(serve_without_end);
  batch_.fetch.idle_timeout = milliseconds(100);
  batch_.fetch.max_bytes = 10'000;
  batch_.servers = {good.where(),      refusing(),      silent.where(),
                    resetting.where(), endless.where(), good.where()};
  EXPECT_EQ(run(), (std::vector{Outcome::ok, Outcome::connect, Outcome::idle_timeout,
                                Outcome::reset, Outcome::limit, Outcome::ok}));
  EXPECT_EQ(texts_->text[0], "one\ntwo\n");
  EXPECT_EQ(texts_->text[4].size(), 10'000U);
  EXPECT_EQ(texts_->text[5], "one\ntwo\n");
  EXPECT_EQ(result_.records[1].error,
            to_string(batch_.servers[1]) + ": connect: Connection refused");
  EXPECT_GT(result_.wakeups, 0U);
}

TEST_P(Strategies, RetryABrokenStream) {
  int served = 0;
  LittleServer flaky([&](Fd& socket) { (++served < 3 ? serve_reset : serve_poem)(socket); });
  batch_.fetch.retries = 5;
  batch_.fetch.retry_delay = milliseconds(1);
  batch_.servers = {flaky.where()};
  EXPECT_EQ(run(), std::vector{Outcome::ok});
  EXPECT_EQ(result_.records[0].attempts, 3U);
  EXPECT_EQ(texts_->retries, 2);
  EXPECT_EQ(texts_->text[0], "one\ntwo\n");
}

TEST_P(Strategies, SendMoreThanFitsWhileReceivingIt) {
  LittleServer echo(serve_echo);
  batch_.fetch.send = std::string(std::size_t{8} << 20, 'x');
  batch_.servers = {echo.where()};
  EXPECT_EQ(run(), std::vector{Outcome::ok});
  EXPECT_TRUE(texts_->text[0] == *batch_.fetch.send);
}

TEST_P(Strategies, KeepWithinTheirParallelTasks) {
  LittleServer good(serve_poem);
  batch_.servers.assign(20, good.where());
  batch_.parallel = 3;
  EXPECT_THAT(run(), ::testing::Each(Outcome::ok));
  for (const Record& one : result_.records) {
    EXPECT_LE(std::count_if(result_.records.begin(), result_.records.end(),
                            [&](const Record& other) {
                              return other.started <= one.started && one.started < other.ended;
                            }),
              3);
  }
}

TEST_P(Strategies, EndWhatCannotBeWritten) {
  LittleServer good(serve_poem);
  batch_.servers = {good.where(), good.where()};
  fail_for_ = 0;
  EXPECT_EQ(run(), (std::vector{Outcome::output, Outcome::ok}));
}

TEST_P(Strategies, EndAllAtASignal) {
  LittleServer silent([sent = false](Fd& socket) mutable {
    if (!std::exchange(sent, true)) ::kill(::getpid(), SIGUSR2);
    serve_nothing(socket);
  });
  batch_.servers = {silent.where(), silent.where()};
  EXPECT_THAT(run(), ::testing::Each(Outcome::interrupted));
}

TEST_P(Strategies, ResolveNames) {
  LittleServer good(serve_poem);
  batch_.servers = {{"localhost", good.where().port}, {"no-such-host.invalid", 1}};
  EXPECT_EQ(run(), (std::vector{Outcome::ok, Outcome::resolve}));
}

INSTANTIATE_TEST_SUITE_P(All, Strategies, ::testing::ValuesIn(strategy_names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace poetry
