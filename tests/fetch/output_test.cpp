#include "fetch/output.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fetch/spool.hpp"

namespace poetry {
namespace {

class OutputTest : public ::testing::Test {
 protected:
  Sink sink() {
    return [this](std::string_view bytes) { out_.append(bytes); };
  }
  std::string out_;
};

TEST_F(OutputTest, OrderedStreamsTheFirstAndKeepsTheOthers) {
  const auto output = make_ordered_output(sink(), 3, Attempts::one);
  output->write(0, "a1 ");
  EXPECT_EQ(out_, "a1 ");
  output->write(2, "c ");
  output->write(1, "b1 ");
  output->end(2, Outcome::ok);
  EXPECT_EQ(out_, "a1 ");
  output->write(0, "a2 ");
  output->end(0, Outcome::reset);
  EXPECT_EQ(out_, "a1 a2 b1 ") << "the next one streams now";
  output->write(1, "b2 ");
  output->end(1, Outcome::ok);
  EXPECT_EQ(out_, "a1 a2 b1 b2 c ");
}

TEST_F(OutputTest, OrderedWaitsForTheEndWhereAnAttemptMayBreak) {
  const auto output = make_ordered_output(sink(), 1, Attempts::several);
  output->write(0, "void");
  output->discard(0);
  output->write(0, "whole");
  EXPECT_EQ(out_, "");
  output->end(0, Outcome::ok);
  EXPECT_EQ(out_, "whole");
}

TEST_F(OutputTest, LivePutsTheTaskBeforeEachLine) {
  const auto output = make_live_output(sink(), 2);
  output->write(0, "one\ntw");
  output->write(1, "\nx");
  output->write(0, "o\n");
  EXPECT_EQ(out_, "[1] one\n[2] \n[1] two\n");
  output->end(0, Outcome::ok);
  output->end(1, Outcome::ok);
  EXPECT_EQ(out_, "[1] one\n[2] \n[1] two\n[2] x\n");
}

TEST_F(OutputTest, LiveHoldsNoEndlessLine) {
  const auto output = make_live_output(sink(), 1);
  for (int i = 0; i < 100; ++i) output->write(0, std::string(1000, 'x'));
  EXPECT_GT(out_.size(), 80'000U);
}

TEST(Spool, GivesBackFarMoreThanItHoldsInMemory) {
  Spool spool(2);
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(1000, static_cast<char>('a' + i % 26));
    spool.append(0, piece);
    spool.append(1, "other");
    expected += piece;
  }
  EXPECT_LE(spool.in_memory(), 2 * Spool::most_of_a_task);
  std::string got;
  spool.drain(0, [&](std::string_view bytes) { got.append(bytes); });
  EXPECT_TRUE(got == expected);
  spool.discard(1);
  EXPECT_EQ(spool.in_memory(), 0U);
}

TEST(FileName, IsSafeAndSortsByTask) {
  EXPECT_EQ(file_name(0, 3, {"127.0.0.1", 10000}), "001-127.0.0.1-10000.txt");
  EXPECT_EQ(file_name(41, 5000, {"::1", 1}), "0042-__1-1.txt");
  EXPECT_EQ(file_name(0, 1, {"../etc/x", 1}), "001-.._etc_x-1.txt");
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
    output->end(task, task == 1 ? Outcome::reset : Outcome::ok);
  }
  EXPECT_EQ(content("001-a-1.txt"), "one\ntwo\n");
  EXPECT_EQ(content("002-b-2.txt"), "missing");
  EXPECT_EQ(content("002-b-2.txt.part"), "part");
  EXPECT_EQ(content("003-c-3.txt"), "") << "an empty poem";
}

TEST_F(DirectoryOutputTest, FailsForOneTaskAlone) {
  const auto output = make_directory_output(directory_ / "new", {{"a", 1}, {"b", 2}});
  std::filesystem::create_directory(directory_ / "new" / "001-a-1.txt.part");
  EXPECT_THROW(output->write(0, "x"), TaskOutputError);
  output->write(1, "y");
  output->end(1, Outcome::ok);
  EXPECT_EQ(content("002-b-2.txt"), "y");
}

}  // namespace
}  // namespace poetry
