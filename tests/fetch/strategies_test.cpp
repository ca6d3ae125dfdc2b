// Every strategy: what it does with its tasks. A new strategy joins by its name.
#include <cstdio>
#include <fstream>
#include <future>
#include <thread>

#include "fetch/strategies_fixture.hpp"

namespace poetry::fetch {
namespace {

TEST_P(Strategies, OneBadServerSpoilsNoOther) {
  LittleServer good(serve_poem);
  LittleServer silent(serve_nothing);
  LittleServer resetting(serve_reset);
  LittleServer endless(serve_without_end);
  batch_.fetch.idle_timeout = milliseconds(1000);
  batch_.fetch.max_bytes = 10'000;
  batch_.servers = {good.where(),      refusing(),      silent.where(),
                    resetting.where(), endless.where(), good.where()};
  EXPECT_EQ(run(), (std::vector{Outcome::ok, Outcome::connect, Outcome::idle_timeout,
                                Outcome::reset, Outcome::limit, Outcome::ok}));
  EXPECT_EQ(texts_->text[0], "one\ntwo\n");
  EXPECT_EQ(texts_->text[4].size(), 10'000U);
  EXPECT_EQ(texts_->text[5], "one\ntwo\n");
  EXPECT_EQ(result_.records[1].error,
            net::to_string(batch_.servers[1]) + ": connect: Connection refused");
  EXPECT_GT(result_.wakeups, 0U);
}

TEST_P(Strategies, RetryABrokenStream) {
  int served = 0;
  LittleServer flaky([&](base::Fd& socket) { (++served < 3 ? serve_reset : serve_poem)(socket); });
  batch_.fetch.retries = 5;
  batch_.fetch.retry_delay = milliseconds(1);
  batch_.servers = {flaky.where()};
  EXPECT_EQ(run(), std::vector{Outcome::ok});
  EXPECT_EQ(result_.records[0].attempts, 3U);
  EXPECT_EQ(texts_->retries, 2);
  EXPECT_EQ(texts_->text[0], "one\ntwo\n");
}

/// The time to start over has then come before a strategy looks at the clock.
TEST_P(Strategies, TellEachRetryThatNeedNotBeWaitedFor) {
  batch_.fetch.retries = 3;
  batch_.fetch.retry_delay = milliseconds(0);
  batch_.servers = {refusing(), refusing()};
  EXPECT_EQ(run(), (std::vector{Outcome::connect, Outcome::connect}));
  EXPECT_EQ(texts_->retries, 6);
}

TEST_P(Strategies, SendMoreThanFitsWhileReceivingIt) {
  LittleServer echo(serve_echo);
  batch_.fetch.send = std::string(std::size_t{8} << 20, 'x');
  batch_.fetch.after_send = AfterSend::half_close;
  batch_.servers = {echo.where()};
  EXPECT_EQ(run(), std::vector{Outcome::ok});
  EXPECT_TRUE(texts_->text[0] == *batch_.fetch.send);
}

TEST_P(Strategies, KeepWithinTheirParallelTasks) {
  LittleServer good(serve_poem);
  batch_.servers = Servers({good.where()}, 20);
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
  LittleServer silent([sent = false](base::Fd& socket) mutable {
    if (!std::exchange(sent, true)) ::kill(::getpid(), SIGUSR2);
    serve_nothing(socket);
  });
  batch_.servers = {silent.where(), silent.where()};
  EXPECT_THAT(run(), ::testing::Each(Outcome::interrupted));
}

/// A signal that comes while a task waits, in whatever call, ends it.
class SignalSoon {
 public:
  SignalSoon()
      : thread_([] {
          std::this_thread::sleep_for(milliseconds(100));
          ::kill(::getpid(), SIGUSR2);
        }) {}
  ~SignalSoon() { thread_.join(); }

 private:
  std::thread thread_;
};

TEST_P(Strategies, EndATaskThatConnectsAtASignal) {
  const auto silent =
      net::listen_in_silence(net::resolve_numeric({"127.0.0.1", 0}).addresses.at(0));
  batch_.servers = {{"127.0.0.1", net::local_address(silent.get()).port()}};
  const SignalSoon signal;
  EXPECT_EQ(run(), std::vector{Outcome::interrupted});
}

TEST_P(Strategies, EndATaskThatSendsAtASignal) {
  std::vector<base::Fd> held;
  LittleServer deaf([&](base::Fd& socket) { held.push_back(std::move(socket)); });
  batch_.fetch.send = std::string(std::size_t{64} << 20, 'x');
  batch_.servers = {deaf.where()};
  const SignalSoon signal;
  EXPECT_EQ(run(), std::vector{Outcome::interrupted});
}

TEST_P(Strategies, EndATaskThatWaitsForItsNextAttemptAtASignal) {
  batch_.fetch.retries = 1;
  batch_.fetch.retry_delay = std::chrono::hours(1);
  batch_.servers = {refusing()};
  const SignalSoon signal;
  EXPECT_EQ(run(), std::vector{Outcome::interrupted});
}

TEST_P(Strategies, LoseNoSignalThatComesAsTheLastTaskEnds) {
  LittleServer good(serve_poem);
  batch_.servers = {good.where()};
  at_end_ = [] { ::kill(::getpid(), SIGUSR2); };
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(run(), std::vector{Outcome::ok});
    EXPECT_TRUE(result_.interrupted != signals_.take().has_value());
  }
}

TEST_P(Strategies, EndManyAtOnceAtASignal) {
  std::vector<base::Fd> held;
  batch_.parallel = GetParam() == "sequential" ? 1 : 200;
  LittleServer holding([&](base::Fd& socket) {
    held.push_back(std::move(socket));
    if (held.size() == batch_.parallel) ::kill(::getpid(), SIGUSR2);
  });
  batch_.servers = Servers({holding.where()}, 300);
  EXPECT_THAT(run(), ::testing::Each(Outcome::interrupted));
  EXPECT_EQ(std::count_if(result_.records.begin(), result_.records.end(),
                          [](const Record& record) { return record.started != base::never; }),
            batch_.parallel);
}

TEST_P(Strategies, TellTheObserverOneThingAtATime) {
  std::vector<base::Fd> held;
  const std::size_t tasks = GetParam() == "sequential" ? 1 : 20;
  LittleServer all_at_once([&](base::Fd& socket) {
    held.push_back(std::move(socket));
    if (held.size() < tasks) return;
    for (base::Fd& each : held) serve_poem(each);
    held.clear();
  });
  batch_.servers = Servers({all_at_once.where()}, tasks);
  linger_ = Linger::yes;
  EXPECT_THAT(run(), ::testing::Each(Outcome::ok));
}

TEST_P(Strategies, EndTheRunWithWhatTheObserverRaises) {
  LittleServer good(serve_poem);
  batch_.servers = {good.where(), good.where(), good.where()};
  texts_.emplace(3);
  texts_->raise_for = 0;
  EXPECT_THROW(find_strategy(GetParam())(batch_, *texts_, signals_), std::runtime_error);
}

TEST_P(Strategies, ResolveNames) {
  LittleServer good(serve_poem);
  batch_.servers = {{"localhost", good.where().port}, {"no-such-host.invalid", 1}};
  EXPECT_EQ(run(), (std::vector{Outcome::ok, Outcome::resolve}));
}

/// Handshakes of this machine's clients with an IPv4 port that are under way, see proc(5).
std::size_t handshakes_with(std::uint16_t port) {
  std::array<char, 8> hexadecimal{};
  std::snprintf(hexadecimal.data(), hexadecimal.size(), ":%04X", port);
  std::ifstream table("/proc/net/tcp");
  std::string number;
  std::string local;
  std::string remote;
  std::string state;
  std::size_t count = 0;
  for (std::string rest; table >> number >> local >> remote >> state; std::getline(table, rest)) {
    if (remote.ends_with(hexadecimal.data()) && state == "02") ++count;
  }
  return count;
}

/// Empty where somebody else has the port.
base::Fd listen_where_free(const net::Address& address) {
  try {
    return net::listen_in_silence(address);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::address_in_use) throw;
    return {};
  }
}

TEST_P(Strategies, TryTheNextAddressBesideOneThatNeverAnswers) {
  const net::Address second = net::resolve_numeric({"127.0.0.2", 0}).addresses.at(0);
  std::atomic<bool> loser_closed =
      true;  // what the ring receives orders no threads for a sanitizer
  const auto serve = [&](base::Fd& socket) {
    const std::uint16_t port = net::local_address(socket.get()).port();
    int waits = 10'000;
    while (handshakes_with(port) > 0 && --waits > 0) ::poll(nullptr, 0, 1);
    if (waits == 0) loser_closed = false;
    serve_poem(socket);
  };
  std::optional<LittleServer> good;
  net::Address first;
  base::Fd silent;
  while (!silent) {
    good.emplace(serve, second);
    first = net::resolve_numeric({"127.0.0.1", good->where().port}).addresses.at(0);
    silent = listen_where_free(first);
  }
  batch_.lookup = [&](const net::HostPort&, net::Family) {
    return net::Resolved{{first, net::local_address(good->listener())}, {}};
  };
  batch_.servers = {{"both", first.port()}};
  EXPECT_THAT(run(), ::testing::Each(Outcome::ok));
  EXPECT_TRUE(loser_closed);
  for (const Record& record : result_.records) {
    EXPECT_EQ(record.address->host(), "127.0.0.2");
    EXPECT_GE(record.connected - record.started, connection_attempt_delay);
  }
}

TEST_P(Strategies, GiveUpOnASecondAddressAsOnTheFirst) {
  const auto silent =
      net::listen_in_silence(net::resolve_numeric({"127.0.0.2", 0}).addresses.at(0));
  const net::Address second = net::local_address(silent.get());
  const net::Address refused = net::resolve_numeric({"127.0.0.3", 0}).addresses.at(0);
  batch_.lookup = [=](const net::HostPort&, net::Family) {
    return net::Resolved{{refused, second}, {}};
  };
  batch_.fetch.connect_timeout = milliseconds(200);
  batch_.servers = {{"both", second.port()}};
  const auto began = base::Clock::now();
  EXPECT_EQ(run(), std::vector{Outcome::connect_timeout});
  EXPECT_LT(base::Clock::now() - began, std::chrono::seconds(60));  // the kernel gives up at 127
}

TEST_P(Strategies, EndANameThatIsNotFoundInTimeAndHoldUpNoOther) {
  LittleServer good(serve_poem);
  const auto gate = std::make_shared<std::promise<void>>();
  const net::Address found = net::local_address(good.listener());
  batch_.lookup = [=, opened = gate->get_future().share()](const net::HostPort& where,
                                                           net::Family) {
    if (where.host == "slow") opened.wait();
    return net::Resolved{{found}, {}};
  };
  batch_.fetch.connect_timeout = milliseconds(200);
  batch_.servers = {{"slow", 1}, {"slow", 2}, {"slow", 3}, {"quick", found.port()}, good.where()};
  EXPECT_EQ(run(), (std::vector{Outcome::connect_timeout, Outcome::connect_timeout,
                                Outcome::connect_timeout, Outcome::ok, Outcome::ok}));
  EXPECT_EQ(result_.records[0].error, "slow:1: resolve: timed out after 200ms");
  gate->set_value();
}

INSTANTIATE_TEST_SUITE_P(All, Strategies, ::testing::ValuesIn(strategy_names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace poetry::fetch
