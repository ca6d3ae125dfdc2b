#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp(3)
#include <sys/wait.h>
#include <unistd.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "session/services.hpp"
#include "support/epoch.hpp"

namespace poetry::session {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::string>;

/// For how long a connection of a test waits for the service's own thread to let the file go: ms.
constexpr int busy_timeout = 60'000;

/// The service as --serve makes it.
class FibonacciService : public Service {
 public:
  FibonacciService(const std::string& path, std::uint64_t lease)
      : service_(make_service({"fibonacci", path, "state", {}, {{"lease", std::to_string(lease)}}},
                              {})) {}
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override {
    return service_->open(peer, now);
  }
  Refresh refresh(base::TimePoint now) override { return service_->refresh(now); }
  void drain() override { service_->drain(); }

 private:
  std::shared_ptr<Service> service_;
};

/// A directory for one test, with the state file that the test makes there.
class Fibonacci : public testing::Test {
 protected:
  Fibonacci() { EXPECT_NE(::mkdtemp(directory_.data()), nullptr); }
  ~Fibonacci() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ + "/state"; }
  void write(std::string_view bytes) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }
  [[nodiscard]] std::string bytes() const {
    std::stringstream all;
    all << std::ifstream(path(), std::ios::binary).rdbuf();
    return all.str();
  }
  [[nodiscard]] Numbers files() const {
    Numbers names;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void execute(const char* statements) const {
    SQLite::Database(path(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_timeout)
        .exec(statements);
  }

  /// What the service says of the state: nothing, or why it refuses it.
  [[nodiscard]] std::string refusal() const {
    try {
      const FibonacciService service(path(), 1);
      return "";
    } catch (const std::exception& error) {
      return error.what();
    }
  }
  void expect_refused_untouched(const std::string& why) const {
    const auto before = bytes();
    EXPECT_EQ(refusal(), "open " + path() + ": " + why);
    EXPECT_TRUE(bytes() == before);
    EXPECT_EQ(files(), Numbers{"state"});
  }

 private:
  std::string directory_ = "/tmp/slow-poetry-test-XXXXXX";
};

/// So many numbers that a session writes: each may have to be waited for.
Numbers answers(Session& session, std::size_t count) {
  Numbers numbers;
  while (numbers.size() < count) {
    const auto step = session.next(support::epoch);
    const auto* write = std::get_if<Write>(&step);
    if (write != nullptr) {
      EXPECT_EQ(write->bytes.back(), '\n');
      numbers.emplace_back(write->bytes.substr(0, write->bytes.size() - 1));
    } else if (std::holds_alternative<Listen>(step)) {
      std::this_thread::yield();  // the service's news would tell
    } else {
      break;
    }
  }
  return numbers;
}

bool listens(Session& session) {
  return std::holds_alternative<Listen>(session.next(support::epoch));
}

/// What the service does beside its sessions is done when this returns.
void settle(Service& service) {
  while (service.refresh(support::epoch).busy) std::this_thread::yield();
}

Numbers draw(Session& session, std::size_t count) {
  session.receive(std::string(count, '\n'));
  return answers(session, count);
}

Numbers draw(Service& service, std::size_t count) {
  auto numbers = draw(*service.open({}, support::epoch), count);
  settle(service);
  return numbers;
}

/// Decimal addition as on paper.
std::string add(std::string one, std::string other) {
  if (one.size() < other.size()) std::swap(one, other);
  other.insert(0, one.size() - other.size(), '0');
  int carry = 0;
  for (auto i = one.size(); i-- > 0;) {
    carry += one[i] - '0' + other[i] - '0';
    one[i] = static_cast<char>('0' + carry % 10);
    carry /= 10;
  }
  return carry == 0 ? one : "1" + one;
}

/// The numbers at positions `first` to `last` of the sequence.
Numbers sequence(std::size_t first, std::size_t last) {
  Numbers all{"", "1", "2"};
  while (all.size() <= last) all.push_back(add(all[all.size() - 2], all.back()));
  return {all.begin() + static_cast<std::ptrdiff_t>(first),
          all.begin() + static_cast<std::ptrdiff_t>(last) + 1};
}

/// What is printed before is printed by the parent alone.
pid_t fork_silently() {
  std::fflush(nullptr);
  return ::fork();
}

/// Runs `body` in a child process, which ends by a signal as a crash would end it.
void crash_in_child(const std::function<void()>& body) {
  const pid_t child = fork_silently();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(1);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "status " << status;
}

TEST_F(Fibonacci, ANumberForEachLine) {
  FibonacciService service(path(), 1);
  const auto session = service.open({}, support::epoch);
  EXPECT_TRUE(listens(*session));
  session->receive("one");
  EXPECT_TRUE(listens(*session));
  session->receive(" line\nand another\n\nand");
  EXPECT_EQ(answers(*session, 3), (Numbers{"1", "2", "3"}));
  EXPECT_TRUE(listens(*session));
  session->receive("\r\n");
  EXPECT_EQ(answers(*session, 1), Numbers{"5"});
}

TEST_F(Fibonacci, ALastLineNeedsNoNewline) {
  FibonacciService service(path(), 1);
  const auto session = service.open({}, support::epoch);
  session->receive("a\nb");
  EXPECT_EQ(answers(*session, 1), Numbers{"1"});
  EXPECT_TRUE(listens(*session));
  session->receive({});
  EXPECT_EQ(answers(*session, 1), Numbers{"2"});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
}

TEST_F(Fibonacci, NothingAfterTheLastNewlineIsNoLine) {
  FibonacciService service(path(), 1);
  const auto session = service.open({}, support::epoch);
  session->receive("a\n");
  EXPECT_EQ(answers(*session, 1), Numbers{"1"});
  session->receive({});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
}

TEST_F(Fibonacci, ANumberIsDrawnOnlyWhenItCanBeSent) {
  FibonacciService service(path(), 1);
  const auto slow = service.open({}, support::epoch);
  slow->receive("\n\n\n");
  EXPECT_EQ(answers(*slow, 1), Numbers{"1"});
  EXPECT_EQ(draw(service, 2), (Numbers{"2", "3"}));
  EXPECT_EQ(answers(*slow, 2), (Numbers{"5", "8"}));
}

TEST_F(Fibonacci, IsExactAtAnySize) {
  FibonacciService service(path(), 7);
  EXPECT_EQ(draw(service, 2000), sequence(1, 2000));
  EXPECT_EQ(sequence(299, 299).front(),  // F(300), as tables have it
            "222232244629420445529739893461909967206666939096499764990979600");
}

TEST_F(Fibonacci, ADrainingServiceFinishesSessionsThatOweNothing) {
  FibonacciService service(path(), 1);
  const auto session = service.open({}, support::epoch);
  session->receive("\n");
  service.drain();
  EXPECT_EQ(answers(*session, 1), Numbers{"1"});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
}

TEST_F(Fibonacci, TheStateOutlivesTheService) {
  for (const std::size_t first : {1, 4, 7}) {
    FibonacciService service(path(), 1);
    EXPECT_EQ(draw(service, 3), sequence(first, first + 2));
  }
  EXPECT_EQ(files(), Numbers{"state"});
}

TEST_F(Fibonacci, ACleanEndGivesTheRestOfTheLeaseBack) {
  FibonacciService service(path(), 100);
  for (const std::size_t first : {1, 4, 7}) EXPECT_EQ(draw(service, 3), sequence(first, first + 2));
  FibonacciService other(path(), 2);
  EXPECT_EQ(draw(other, 120), sequence(10, 129));
  EXPECT_EQ(draw(service, 3), sequence(130, 132));
}

TEST_F(Fibonacci, TheLeaseIsHeldWhileAnySessionIs) {
  FibonacciService service(path(), 100);
  const auto session = service.open({}, support::epoch);
  EXPECT_EQ(draw(service, 3), sequence(1, 3));
  FibonacciService other(path(), 1);
  EXPECT_EQ(draw(other, 1), sequence(101, 101));
  EXPECT_EQ(draw(*session, 2), sequence(4, 5));
}

TEST_F(Fibonacci, TwoServicesNeitherRepeatNorSkip) {
  for (const std::uint64_t lease : {1, 3}) {
    fs::remove(path());
    FibonacciService one(path(), lease);
    FibonacciService other(path(), lease);
    std::vector<std::unique_ptr<Session>> sessions;
    for (auto* service : {&one, &other}) sessions.push_back(service->open({}, support::epoch));
    Numbers drawn;
    for (std::size_t i = 0; i < 60; ++i) {
      for (auto& number : draw(*sessions[i % 2], 1 + i % 3)) drawn.push_back(number);
    }
    sessions.clear();  // gives back what is left of their leases
    settle(one);
    settle(other);
    for (auto& number : draw(one, 10)) drawn.push_back(number);
    std::sort(drawn.begin(), drawn.end());
    auto expected = sequence(1, 130);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(drawn, expected) << "with leases of " << lease;
  }
}

TEST_F(Fibonacci, AClientsNumbersRiseWhateverOthersGiveBack) {
  FibonacciService one(path(), 2);
  FibonacciService other(path(), 10);
  const auto long_lived = one.open({}, support::epoch);
  auto short_lived = other.open({}, support::epoch);
  EXPECT_EQ(draw(*short_lived, 1), sequence(1, 1));  // of 1 to 10
  EXPECT_EQ(draw(*long_lived, 2), sequence(11, 12));
  short_lived.reset();  // 2 to 10 are free again
  settle(other);
  EXPECT_EQ(draw(*long_lived, 2), sequence(13, 14));
  EXPECT_EQ(draw(other, 3), sequence(2, 4));
}

TEST_F(Fibonacci, ACrashSkipsNoMoreThanALease) {
  FibonacciService service(path(), 10);
  crash_in_child([&service] {
    const auto session = service.open({}, support::epoch);
    if (draw(*session, 13) != sequence(1, 13)) throw std::runtime_error("wrong numbers");
    ::kill(::getpid(), SIGKILL);  // while the session is there
  });
  EXPECT_EQ(draw(service, 2), sequence(21, 22));
}

TEST_F(Fibonacci, ProcessesForkedFromAServiceShareItsSequence) {
  FibonacciService service(path(), 1);
  for (int i = 0; i < 3; ++i) crash_in_child([&service] { draw(service, 2); });
  EXPECT_EQ(draw(service, 1), sequence(7, 7));
}

TEST_F(Fibonacci, AForkedProcessUsesNothingThatItsParentOpened) {
  FibonacciService service(path(), 10);
  auto session = service.open({}, support::epoch);
  EXPECT_EQ(draw(*session, 2), sequence(1, 2));
  const pid_t child = fork_silently();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int status = 1;
    try {
      draw(service, 1);
    } catch (const std::logic_error&) {
      status = 0;
    }
    session.reset();  // neither gives back the parent's lease nor closes its connection
    ::_exit(status);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(draw(*session, 10), sequence(3, 12));
  FibonacciService other(path(), 1);
  EXPECT_EQ(draw(other, 1), sequence(21, 21));
}

TEST_F(Fibonacci, ThreadsShareOneSequence) {
  FibonacciService service(path(), 3);
  constexpr std::size_t threads = 8;
  constexpr std::size_t draws = 25;
  std::array<Numbers, threads> drawn;
  std::vector<std::thread> running;
  const auto held =
      service.open({}, support::epoch);  // so that the lease is not given back in between
  for (auto& numbers : drawn) {
    running.emplace_back([&service, &numbers] {
      const auto session = service.open({}, support::epoch);
      for (std::size_t i = 0; i < draws; ++i) numbers.push_back(draw(*session, 1).at(0));
    });
  }
  for (auto& thread : running) thread.join();
  Numbers all;
  for (const auto& numbers : drawn) {
    all.insert(all.end(), numbers.begin(), numbers.end());
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end(),
                               [](const std::string& one, const std::string& other) {
                                 return std::pair(one.size(), one) < std::pair(other.size(), other);
                               }));
  }
  auto expected = sequence(1, threads * draws);
  std::sort(expected.begin(), expected.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, expected);
}

TEST_F(Fibonacci, AnEmptyFileIsTakenAsMissing) {
  write("");
  FibonacciService service(path(), 1);
  EXPECT_EQ(draw(service, 2), sequence(1, 2));
}

TEST_F(Fibonacci, ManyProcessesMayCreateTheStateAtOnce) {
  for (int round = 0; round < 10; ++round) {
    fs::remove(path());
    if (round % 2 == 1) write("");
    std::array<int, 2> gate{};
    ASSERT_EQ(::pipe(gate.data()), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(fork_silently());
      if (children.back() != 0) continue;
      ::close(gate[1]);
      char byte = 0;
      if (::read(gate[0], &byte, 1) != 0) ::_exit(1);  // it ends when the gate is closed
      try {
        FibonacciService service(path(), 1);
        ::_exit(draw(service, 2).size() == 2 ? 0 : 1);
      } catch (const std::exception& error) {
        std::fputs(error.what(), stderr);
        ::_exit(1);
      }
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (const auto child : children) {
      int status = -1;
      ::waitpid(child, &status, 0);
      EXPECT_EQ(status, 0);
    }
    FibonacciService service(path(), 1);
    EXPECT_EQ(draw(service, 1), sequence(9, 9));
  }
}

TEST_F(Fibonacci, KeepsAWriteAheadLogOnlyWhileItIsUsed) {
  FibonacciService service(path(), 1);
  EXPECT_EQ(files(), Numbers{"state"});
  auto session = service.open({}, support::epoch);
  EXPECT_EQ(files(), Numbers{"state"});  // a session that never draws opens nothing
  draw(*session, 1);
  EXPECT_EQ(files(), (Numbers{"state", "state-shm", "state-wal"}));
  session.reset();
  settle(service);
  EXPECT_EQ(files(), Numbers{"state"});
}

TEST_F(Fibonacci, AnAnswerThatNobodyWaitsForIsGivenBack) {
  FibonacciService service(path(), 1);
  const auto there = service.open({}, support::epoch);
  auto gone = service.open({}, support::epoch);
  gone->receive("\n");
  EXPECT_TRUE(listens(*gone));  // it has asked
  EXPECT_EQ(draw(*there, 1).size(), 1U);
  gone.reset();
  settle(service);
  EXPECT_EQ(draw(*there, 1).size(), 1U);
  FibonacciService other(path(), 1);
  auto drawn = draw(other, 1);
  EXPECT_TRUE(drawn == sequence(1, 1) || drawn == sequence(3, 3)) << drawn[0];
}

TEST_F(Fibonacci, AllThatWaitAreServedByOneTransaction) {
  FibonacciService service(path(), 1);
  SQLite::Database other(path(), SQLite::OPEN_READWRITE, busy_timeout);
  other.exec(
      "CREATE TABLE changes (n); CREATE TRIGGER seen AFTER UPDATE ON free"
      " BEGIN INSERT INTO changes VALUES (1); END; BEGIN IMMEDIATE");
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 50; ++i) {
    sessions.push_back(service.open({}, support::epoch));
    sessions.back()->receive("\n");
    EXPECT_TRUE(listens(*sessions.back()));  // nobody holds it up
  }
  other.exec("COMMIT");
  Numbers numbers;
  for (const auto& session : sessions) numbers.push_back(answers(*session, 1).at(0));
  EXPECT_EQ(numbers, sequence(1, 50));
  EXPECT_LE(other.execAndGet("SELECT count(*) FROM changes").getInt(), 2);
}

TEST_F(Fibonacci, AnOldCopyIsNoticed) {
  FibonacciService service(path(), 1);
  const auto session = service.open({}, support::epoch);
  draw(*session, 1);
  SQLite::Database(path(), SQLite::OPEN_READWRITE, busy_timeout).exec("UPDATE free SET first = 1");
  session->receive("\n");
  try {
    answers(*session, 1);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(),
              "draw from " + path() + ": it is behind what was drawn: an old copy was put back");
  }
}

TEST_F(Fibonacci, AFileInItsPlaceIsNoticed) {
  FibonacciService service(path(), 1);
  const auto session = service.open({}, support::epoch);
  draw(*session, 1);
  fs::copy_file(path(), path() + ".old");
  fs::rename(path() + ".old", path());
  session->receive("\n");
  try {
    answers(*session, 1);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "draw from " + path() + ": it was replaced while in use");
  }
}

TEST_F(Fibonacci, WhatIsNoDatabaseIsRefusedUntouched) {
  for (const auto* text : {"x",
                           "not a database, but long enough to have a header, if its one "
                           "hundred bytes were those of one, which they are not"}) {
    write(text);
    expect_refused_untouched("not a database");
  }
  write(std::string(4096, '\0'));
  expect_refused_untouched("not a database");
}

TEST_F(Fibonacci, AnotherApplicationsDatabaseIsRefusedUntouched) {
  execute("PRAGMA journal_mode = WAL; CREATE TABLE hits (url TEXT)");
  expect_refused_untouched("the database of another application");
}

TEST_F(Fibonacci, AnotherVersionIsRefusedUntouched) {
  static_cast<void>(FibonacciService(path(), 1));
  execute("PRAGMA user_version = 2");
  expect_refused_untouched("a state of version 2, not 1");
}

TEST_F(Fibonacci, ADamagedStateIsRefusedUntouched) {
  static_cast<void>(FibonacciService(path(), 1));
  const auto sound = bytes();
  write(sound.substr(0, sound.size() - 100));
  expect_refused_untouched("the state is damaged");
  write(sound.substr(0, sound.size() / 2) + std::string(sound.size() / 2, '\x55'));
  expect_refused_untouched("the state is damaged");
  write(sound);
  EXPECT_EQ(refusal(), "");
  execute("DELETE FROM free");
  expect_refused_untouched("the state is damaged");
}

TEST_F(Fibonacci, WhatIsNoFileIsRefused) {
  fs::create_directory(path());
  EXPECT_EQ(refusal(), "open " + path() + ": not a regular file");
}

TEST_F(Fibonacci, AStateThatVanishesIsNotBegunAfresh) {
  FibonacciService service(path(), 1);
  draw(service, 3);
  fs::remove(path());
  EXPECT_THROW(draw(service, 1), std::runtime_error);
  write("");
  EXPECT_THROW(draw(service, 1), std::runtime_error);
}

TEST_F(Fibonacci, AFailureCostsNoNumber) {
  FibonacciService service(path(), 2);
  const auto session = service.open({}, support::epoch);
  EXPECT_EQ(draw(*session, 2), sequence(1, 2));
  SQLite::Database other(path(), SQLite::OPEN_READWRITE, busy_timeout);
  other.exec("CREATE TRIGGER full BEFORE UPDATE ON free BEGIN SELECT RAISE(ABORT, 'full'); END");
  session->receive("\n\n");
  try {
    answers(*session, 1);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "draw from " + path() + ": full");
  }
  other.exec("DROP TRIGGER full");
  EXPECT_EQ(answers(*session, 2), sequence(3, 4));
}

}  // namespace
}  // namespace poetry::session
