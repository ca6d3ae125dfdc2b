#include "poetry-get/output/output.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <utility>

#include "poetry-get/output/spool.hpp"

namespace poetry::get::output {
namespace {

class OutputTest : public ::testing::Test {
 protected:
  Sink sink() {
    return [this](std::string_view bytes) {
      const std::lock_guard lock(mutex_);
      out_.append(bytes);
      changed_.notify_all();
    };
  }
  /// Waits for all of this to be written.
  void expect_written(std::string_view text) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return out_.size() >= text.size(); });
    EXPECT_EQ(out_, text);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_;
};

TEST_F(OutputTest, OrderedStreamsTheFirstAndKeepsTheOthers) {
  const auto output = make_ordered_output(sink(), 3, Attempts::one);
  output->write(0, "a1 ");
  expect_written("a1 ");
  output->write(2, "c ");
  output->write(1, "b1 ");
  output->end(2, fetch::Outcome::ok);
  expect_written("a1 ");
  output->write(0, "a2 ");
  output->end(0, fetch::Outcome::reset);
  expect_written("a1 a2 b1 ");  // the next one streams now
  output->write(1, "b2 ");
  output->end(1, fetch::Outcome::ok);
  expect_written("a1 a2 b1 b2 c ");
}

TEST_F(OutputTest, OrderedWaitsForTheEndWhereAnAttemptMayBreak) {
  const auto output = make_ordered_output(sink(), 1, Attempts::several);
  output->write(0, "void");
  output->discard(0);
  output->write(0, "whole");
  expect_written("");
  output->end(0, fetch::Outcome::ok);
  expect_written("whole");
}

TEST_F(OutputTest, LivePutsTheTaskBeforeEachLine) {
  const auto output = make_live_output(sink());
  output->write(0, "one\ntw");
  output->write(1, "\nx");
  output->write(0, "o\n");
  expect_written("[1] one\n[2] \n[1] two\n");
  output->end(0, fetch::Outcome::ok);
  output->end(1, fetch::Outcome::ok);
  expect_written("[1] one\n[2] \n[1] two\n[2] x\n");
}

TEST_F(OutputTest, ATaskWhoseReaderHasStoppedHasNoRoomAndTheOthersHave) {
  std::promise<void> reads_on;
  std::promise<void> stopped;
  const auto output = make_ordered_output(
      [&, first = true](std::string_view bytes) mutable {
        if (std::exchange(first, false)) {
          stopped.set_value();
          reads_on.get_future().wait();
        }
        sink()(bytes);
      },
      2, Attempts::one);
  output->write(0, "x");
  stopped.get_future().wait();
  std::string expected = "x";
  for (; output->has_room(0); expected += std::string(1000, 'y'))
    output->write(0, std::string(1000, 'y'));
  EXPECT_LE(expected.size(), Spool::max_of_a_task);
  EXPECT_TRUE(output->has_room(1));
  EXPECT_FALSE(output->flush(base::Clock::now() + std::chrono::milliseconds(1)));
  reads_on.set_value();
  output->end(0, fetch::Outcome::ok);
  output->end(1, fetch::Outcome::ok);
  EXPECT_TRUE(output->flush(base::never));
  expect_written(expected);
}

TEST_F(OutputTest, WhatASinkRaisesIsRaisedByTheNextWriteOrTheEnd) {
  const auto output = make_live_output(
      [](std::string_view) { throw std::system_error(ENOSPC, std::generic_category()); });
  const auto write_all = [&output] {
    output->write(0, "line\n");  // where the thread is quick, it raises at once
    output->flush(base::never);
  };
  EXPECT_THROW(write_all(), std::system_error);
}

TEST_F(OutputTest, LiveHoldsNoEndlessLine) {
  const auto output = make_live_output(sink());
  for (int i = 0; i < 100; ++i) output->write(0, std::string(1000, 'x'));
  output->flush(base::never);
  EXPECT_GT(out_.size(), 80'000U);
}

std::string drained(Spool& spool, std::size_t task) {
  std::string text;
  for (std::string piece = spool.take(task); !piece.empty(); piece = spool.take(task))
    text += piece;
  EXPECT_EQ(spool.size_of(task), 0U);
  return text;
}

TEST(Spool, GivesBackFarMoreThanItHoldsInMemory) {
  Spool spool;
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(1000, static_cast<char>('a' + i % 26));
    spool.append(0, piece);
    spool.append(1, "other");
    expected += piece;
  }
  EXPECT_LE(spool.in_memory(), 2 * Spool::max_of_a_task);
  EXPECT_TRUE(drained(spool, 0) == expected);
  spool.discard(1);
  EXPECT_EQ(spool.in_memory(), 0U);
}

TEST(Spool, GivesBackWhatGrowsWhileItIsTaken) {
  Spool spool;
  std::string expected;
  std::string taken;
  for (int i = 0; i < 400; ++i) {
    const std::string piece(40'000, static_cast<char>('a' + i % 26));
    spool.append(0, piece);
    expected += piece;
    if (i % 50 == 49) taken += drained(spool, 0);
    if (i % 7 == 6) taken += spool.take(0);
  }
  taken += drained(spool, 0);
  EXPECT_TRUE(taken == expected);
  EXPECT_EQ(spool.in_file(), 0);
}

TEST(Spool, LinksNothingToAPartThatWasTaken) {
  const std::string first(Spool::max_of_a_task, 'a');
  const std::string last(Spool::max_of_a_task, 'c');
  Spool spool;
  spool.append(0, first);
  spool.append(0, "b");  // and the first goes to the file
  std::string taken;
  while (taken.size() < first.size()) taken += spool.take(0);
  spool.append(0, last);  // and "b" goes to the file
  for (int i = 0; i < 9; ++i) taken += spool.take(0);
  EXPECT_TRUE(taken == first + "b" + last) << taken.size();
}

TEST(Spool, HoldsLittleOfManyTasksThatGrowTogether) {
  constexpr std::size_t tasks = 3000;
  Spool spool;
  for (int round = 0; round < 20; ++round) {
    for (std::size_t task = 0; task < tasks; ++task) {
      spool.append(task, std::string(1024, static_cast<char>('a' + (task + round) % 26)));
      ASSERT_LE(spool.in_memory(), Spool::max_in_all);
    }
  }
  EXPECT_GT(spool.in_file(), 20'000'000);
  for (std::size_t task = 0; task < tasks; ++task) {
    std::string expected;
    for (std::size_t round = 0; round < 20; ++round) {
      expected.append(1024, static_cast<char>('a' + (task + round) % 26));
    }
    ASSERT_TRUE(drained(spool, task) == expected) << task;
  }
  EXPECT_EQ(spool.in_memory(), 0U);
  EXPECT_EQ(spool.in_file(), 0);
}

TEST(Spool, TakesUpNoMoreOfTheFileForWhatIsVoid) {
  Spool spool;
  for (int round = 0; round < 3; ++round) {
    for (int piece = 0; piece < 10; ++piece) spool.append(7, std::string(1'000'000, 'x'));
    EXPECT_GT(spool.in_file(), 8'000'000);
    spool.discard(7);
    EXPECT_EQ(spool.in_file(), 0);
  }
  spool.append(7, "whole");
  EXPECT_EQ(drained(spool, 7), "whole");
  EXPECT_EQ(drained(spool, 7), "");
}

TEST(Spool, TakesNothingThatItCannotHold) {
  ::setenv("TMPDIR", "/proc/self", 1);  // where nobody can make a file
  Spool spool;
  const std::string half(Spool::max_of_a_task / 2, 'x');
  spool.append(0, half);
  spool.append(0, half);
  EXPECT_THROW(spool.append(0, "more"), std::system_error);
  EXPECT_EQ(spool.in_memory(), Spool::max_of_a_task);
  ::unsetenv("TMPDIR");
  EXPECT_EQ(drained(spool, 0).size(), Spool::max_of_a_task);
}

TEST(FileName, IsSafeAndSortsByTask) {
  const auto labelled = [](std::string label) {
    return fetch::Servers(
        {{{"::1", 1},
          std::make_shared<const fetch::Details>(fetch::Details{std::move(label), {}, {}})}});
  };
  EXPECT_EQ(file_name(0, {{"127.0.0.1", 10000}}), "001-127.0.0.1-10000.txt");
  EXPECT_EQ(file_name(41, fetch::Servers({{{"::1", 1}, nullptr}}, 5000)), "0042-__1-1.txt");
  EXPECT_EQ(file_name(0, {{"../etc/x", 1}}), "001-.._etc_x-1.txt");
  EXPECT_EQ(file_name(0, labelled("Ode to a/../Nightingale")), "001-Ode_to_a_.._Nightingale.txt");
  EXPECT_EQ(file_name(0, labelled("")), "001-__1-1.txt");
  EXPECT_EQ(file_name(0, labelled(std::string(1000, 'x'))).size(), 208U);
}

class DirectoryOutputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "poems-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string content(const std::string& name) const {
    std::ifstream file(directory_ / "new" / name);
    return file ? std::string(std::istreambuf_iterator<char>(file), {}) : "missing";
  }
  std::filesystem::path directory_;
};

TEST_F(DirectoryOutputTest, NamesAFileOnceItIsWhole) {
  const auto output = make_directory_output(directory_ / "new", {{"a", 1}, {"b", 2}, {"c", 3}});
  output->write(0, "void");
  output->discard(0);
  output->write(0, "one\n");
  output->write(0, "two\n");
  output->write(1, "part");
  EXPECT_EQ(content("001-a-1.txt"), "missing");
  for (std::size_t task = 0; task < 3; ++task) {
    output->end(task, task == 1 ? fetch::Outcome::reset : fetch::Outcome::ok);
  }
  EXPECT_EQ(content("001-a-1.txt"), "one\ntwo\n");
  EXPECT_EQ(content("002-b-2.txt"), "missing");
  EXPECT_EQ(content("002-b-2.txt.part"), "part");
  EXPECT_EQ(content("003-c-3.txt"), "") << "an empty poem";
}

TEST_F(DirectoryOutputTest, LeavesNothingOfAnEarlierRun) {
  std::filesystem::create_directory(directory_ / "new");
  for (const char* const name : {"001-a-1.txt", "001-a-1.txt.part", "002-b-2.txt", "mine"})
    std::ofstream(directory_ / "new" / name) << "old";
  const auto output = make_directory_output(directory_ / "new", {{"a", 1}, {"b", 2}});
  output->write(0, "new");
  output->end(0, fetch::Outcome::reset);
  output->end(1, fetch::Outcome::connect);
  EXPECT_EQ(content("001-a-1.txt"), "missing");
  EXPECT_EQ(content("001-a-1.txt.part"), "new");
  EXPECT_EQ(content("002-b-2.txt"), "missing");
  EXPECT_EQ(content("mine"), "old");
}

TEST_F(DirectoryOutputTest, FollowsNoLinkAndWaitsForNoPipe) {
  const auto output = make_directory_output(directory_ / "new", {{"a", 1}, {"b", 2}});
  std::ofstream(directory_ / "precious") << "old";
  std::filesystem::create_symlink(directory_ / "precious", directory_ / "new/001-a-1.txt.part");
  ASSERT_EQ(::mkfifo((directory_ / "new/002-b-2.txt.part").c_str(), 0600), 0);
  EXPECT_THROW(output->write(0, "x"), TaskOutputError);
  EXPECT_THROW(output->write(1, "x"), TaskOutputError);
  EXPECT_EQ(content("../precious"), "old");
}

TEST_F(DirectoryOutputTest, FailsForOneTaskAlone) {
  const auto output = make_directory_output(directory_ / "new", {{"a", 1}, {"b", 2}});
  std::filesystem::create_directory(directory_ / "new" / "001-a-1.txt.part");
  EXPECT_THROW(output->write(0, "x"), TaskOutputError);
  output->write(1, "y");
  output->end(1, fetch::Outcome::ok);
  EXPECT_EQ(content("002-b-2.txt"), "y");
}

}  // namespace
}  // namespace poetry::get::output
