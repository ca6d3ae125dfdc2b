// Every way in which a log changes under its reader, on real files and in virtual time, with
// inotify and without: it must never be what a line depends on.
#include "session/log_tail.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/temporary_directory.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using Lines = std::vector<std::string>;
namespace fs = std::filesystem;

constexpr std::size_t plenty = std::size_t{64} << 20;

void append(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}

void rewrite(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class LogTailTest : public testing::TestWithParam<Notice> {
 protected:
  /// Lines handed on by one look, `passed` after the one before. Pieces end with "+", rests with
  /// "$".
  Lines look(base::Duration passed = 1ms, std::size_t budget = plenty) {
    now += passed;
    Lines lines;
    more = tail.look(now, budget, [&lines](const LogLine& line) {
      lines.emplace_back(line.text);
      if (line.kind == LogLine::Kind::piece) lines.back() += '+';
      if (line.kind == LogLine::Kind::rest) lines.back() += '$';
    });
    return lines;
  }
  Lines start(std::size_t lines = 0) { return tail.start(now, lines); }

  support::TemporaryDirectory directory;
  const std::string log = directory / "log";
  base::TimePoint now{1h};
  LogTail tail{log, GetParam()};
  bool more = false;
};

TEST_P(LogTailTest, HandsOnWhatIsAppendedFromNowOn) {
  rewrite(log, "old\n");
  EXPECT_EQ(start(), Lines{});
  EXPECT_EQ(look(), Lines{});
  append(log, "a\nb\n");
  EXPECT_EQ(look(), (Lines{"a", "b"}));
  EXPECT_EQ(look(), Lines{});
  append(log, "c\n\n");
  EXPECT_EQ(look(), (Lines{"c", ""}));
}

TEST_P(LogTailTest, ReturnsTheLastLinesAtFirst) {
  rewrite(log, "a\nb\n\nd\n");
  EXPECT_EQ(start(3), (Lines{"b", "", "d"}));
  EXPECT_EQ(LogTail(log).start(now, 4), (Lines{"a", "b", "", "d"}));
  EXPECT_EQ(LogTail(log).start(now, 100), (Lines{"a", "b", "", "d"}));
  EXPECT_EQ(LogTail(log).start(now, 0), Lines{});
  EXPECT_EQ(look(), Lines{});
}

TEST_P(LogTailTest, ReturnsTheLastLinesOfALargeFile) {
  Lines last;
  for (int i = 0; i < 2000; ++i) {
    const auto line = std::to_string(i) + std::string(static_cast<std::size_t>(i) * 7 % 3000, 'x');
    append(log, line + "\n");
    if (i >= 1900) last.push_back(line);
  }
  EXPECT_EQ(start(100), last);
  EXPECT_EQ(look(), Lines{});
}

TEST_P(LogTailTest, ReadsNoMoreThanItsBoundBackwards) {
  rewrite(log, std::string(3 << 20, 'x') + "\n" + std::string(3 << 20, 'y') + "\nz\n");
  EXPECT_EQ(start(100), (Lines{std::string(3 << 20, 'y'), "z"}));
  rewrite(directory / "other", std::string(6 << 20, 'x'));
  LogTail other(directory / "other");
  EXPECT_EQ(other.start(now, 100), Lines{});
  append(directory / "other", "y\nz\n");
  Lines lines;
  other.look(now, plenty, [&](const LogLine& line) { lines.emplace_back(line.text); });
  ASSERT_EQ(lines.size(), 3U);  // of the first no more than the end is known
  EXPECT_EQ(lines[1], "y");
  EXPECT_EQ(lines[2], "z");
}

TEST_P(LogTailTest, HoldsALastLineUntilItIsWhole) {
  rewrite(log, "old\nhalf");
  EXPECT_EQ(start(10), Lines{"old"});
  EXPECT_EQ(look(), Lines{});
  append(log, " a");
  EXPECT_EQ(look(), Lines{});
  append(log, " line\nnext");
  EXPECT_EQ(look(), Lines{"half a line"});
  EXPECT_EQ(look(1h), Lines{});
  append(log, "\n");
  EXPECT_EQ(look(), Lines{"next"});
}

TEST_P(LogTailTest, ReadsAFileThatAppearsFromItsBeginning) {
  EXPECT_EQ(start(10), Lines{});
  EXPECT_TRUE(tail.started());
  EXPECT_EQ(look(), Lines{});
  rewrite(log, "a\n");
  EXPECT_EQ(look(), Lines{"a"});
}

TEST_P(LogTailTest, KeepsBytesAsTheyAre) {
  start();
  append(log, "a\r\n\0\xFF\xFE\n\t\n"s);
  EXPECT_EQ(look(), (Lines{"a\r", "\0\xFF\xFE"s, "\t"}));
}

TEST_P(LogTailTest, TakesLargeLines) {
  start();
  const std::string large(1 << 20, 'x');
  append(log, large);
  EXPECT_EQ(look(), Lines{});
  append(log, "y\nz\n");
  EXPECT_EQ(look(), (Lines{large + "y", "z"}));
}

TEST_P(LogTailTest, HandsOnALineBeyondAllBoundsInPieces) {
  start();
  const std::string piece(largest_log_line, 'x');
  append(log, piece + piece + "end\nz\n");
  EXPECT_EQ(look(), (Lines{piece + "+", piece + "+", "end$", "z"}));
}

TEST_P(LogTailTest, ReadsNoMoreThanItsBudgetAndABuffer) {
  start();
  const std::string line(99, 'x');
  for (int i = 0; i < 10'000; ++i) append(log, line + "\n");
  std::size_t total = 0;
  int looks = 0;
  do {
    const auto count = look(1ms, 100'000).size();
    EXPECT_LE(count, 2000U);
    total += count;
    ++looks;
  } while (more);
  EXPECT_EQ(total, 10'000U);
  EXPECT_GT(looks, 5);
}

TEST_P(LogTailTest, ReadsARenamedFileBesideTheNewOne) {
  rewrite(log, "");
  start();
  append(log, "1\n");
  fs::rename(log, log + ".1");
  append(log + ".1", "2\n");
  EXPECT_EQ(look(), (Lines{"1", "2"}));
  append(log + ".1", "3\n");
  rewrite(log, "5\n");
  append(log + ".1", "4\n");
  EXPECT_EQ(look(), (Lines{"3", "4", "5"}));
  for (int i = 0; i < 5; ++i) {  // one writer is late in reopening
    append(log + ".1", "old\n");
    append(log, "new\n");
    EXPECT_EQ(look(LogTail::linger - 1ms), (Lines{"old", "new"}));
  }
}

TEST_P(LogTailTest, LeavesAReplacedFileThatGrowsNoMore) {
  rewrite(log, "");
  start();
  append(log, "half");
  look();
  fs::rename(log, log + ".1");
  rewrite(log, "new\n");
  EXPECT_EQ(look(), Lines{"new"});
  EXPECT_EQ(look(LogTail::linger - 1ms), Lines{});
  EXPECT_EQ(look(1ms), Lines{"half$"});
  append(log + ".1", "late\n");
  EXPECT_EQ(look(), Lines{});
  append(log, "newer\n");
  EXPECT_EQ(look(), Lines{"newer"});
}

TEST_P(LogTailTest, KeepsARenamedFileWhileThereIsNoOther) {
  rewrite(log, "");
  start();
  fs::rename(log, log + ".1");
  look();
  look(1h);
  append(log + ".1", "a\n");
  EXPECT_EQ(look(1h), Lines{"a"});
}

TEST_P(LogTailTest, BoundsTheReplacedFilesAndLosesNothing) {
  rewrite(log, "");
  start();
  Lines lines;
  for (std::size_t i = 0; i < LogTail::max_replaced + 5; ++i) {
    append(log, "line\nhalf");
    fs::rename(log, log + "." + std::to_string(i));
    rewrite(log, "");
    for (auto& line : look()) lines.push_back(line);
  }
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "line"), LogTail::max_replaced + 5);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "half$"), 5);
  lines = look(LogTail::linger);
  EXPECT_EQ(lines, Lines(LogTail::max_replaced, "half$"));
}

TEST_P(LogTailTest, ReadsATruncatedFileFromItsBeginning) {
  rewrite(log, "a long old line\n");
  start();
  append(log, "x\nhalf");
  EXPECT_EQ(look(), Lines{"x"});
  rewrite(log, "");
  EXPECT_EQ(look(), Lines{"half$"});
  append(log, "a\n");
  EXPECT_EQ(look(), Lines{"a"});
  rewrite(log, "b\n");  // of the same size
  EXPECT_EQ(look(), Lines{"b"});
}

TEST_P(LogTailTest, NoticesATruncatedFileThatHasGrownBeyondWhereItWas) {
  start();
  append(log, "one\ntwo\n");
  EXPECT_EQ(look(), (Lines{"one", "two"}));
  rewrite(log, "three\nfour\nfive\n");
  EXPECT_EQ(look(), (Lines{"three", "four", "five"}));
  for (int i = 0; i < 1000; ++i) append(log, "old " + std::to_string(i) + "\n");
  EXPECT_EQ(look().size(), 1000U);
  rewrite(log, "");
  for (int i = 0; i < 2000; ++i) append(log, "new " + std::to_string(i) + "\n");
  EXPECT_EQ(look().size(), 2000U);
}

TEST_P(LogTailTest, DoesNotReadTheHoleOfAWriterThatWentOnWhereItWas) {
  append(log, "a long old line\n");
  start();
  rewrite(log, "");
  EXPECT_EQ(look(), Lines{});
  constexpr std::uint64_t offset = 8 * plenty;  // more than the looks below could read through
  std::fstream writer(log, std::ios::binary | std::ios::in | std::ios::out);
  ASSERT_TRUE(writer.seekp(static_cast<std::streamoff>(offset)) << "new\n" << std::flush);
  Lines lines;
  for (int i = 0; i < 3 && lines.empty(); ++i) lines = look();
  EXPECT_EQ(lines, Lines{"new"});
  EXPECT_EQ(tail.hole(), offset);
}

TEST_P(LogTailTest, NoticesATruncatedReplacedFile) {
  rewrite(log, "");
  start();
  append(log, "1\n");
  fs::rename(log, log + ".1");
  rewrite(log, "");
  EXPECT_EQ(look(), Lines{"1"});
  rewrite(log + ".1", "2\n");
  EXPECT_EQ(look(), Lines{"2"});
}

TEST_P(LogTailTest, DoesNotReadAgainWhatIsRenamedAwayAndBack) {
  rewrite(log, "");
  start();
  append(log, "1\n");
  EXPECT_EQ(look(), Lines{"1"});
  fs::rename(log, log + ".1");
  EXPECT_EQ(look(), Lines{});
  append(log + ".1", "2\n");
  fs::rename(log + ".1", log);
  append(log, "3\n");
  EXPECT_EQ(look(), (Lines{"2", "3"}));
}

TEST_P(LogTailTest, DoesNotReadAgainWhatTookTheLogsPlaceOnceMore) {
  rewrite(log, "");
  start();
  append(log, "1\n");
  EXPECT_EQ(look(), Lines{"1"});
  for (const auto wait :
       {base::Duration{1ms}, base::Duration{LogTail::linger}}) {  // while it is read; later
    fs::rename(log, log + ".1");
    rewrite(log, "new\n");
    EXPECT_EQ(look(), Lines{"new"});
    EXPECT_EQ(look(wait), Lines{});
    fs::rename(log + ".1", log);
    append(log, "more\nha");
    EXPECT_EQ(look(), Lines{"more"});
    EXPECT_EQ(look(LogTail::linger), Lines{});  // it is the log again, and not left
    append(log, "lf\n");
    EXPECT_EQ(look(), Lines{"half"});
  }
}

TEST_P(LogTailTest, ReadsWhatTookTheLogsPlaceOnceMoreWithOtherBytes) {
  rewrite(log, "");
  start();
  append(log, "1\n2\n");
  EXPECT_EQ(look(), (Lines{"1", "2"}));
  fs::rename(log, log + ".1");
  rewrite(log, "");
  look();
  look(LogTail::linger);
  rewrite(log + ".1", "3\n4\n5\n");
  fs::rename(log + ".1", log);
  EXPECT_EQ(look(), (Lines{"3", "4", "5"}));
}

TEST_P(LogTailTest, GoesOnWithAFileThatIsDeletedAndCreated) {
  rewrite(log, "");
  start();
  for (const auto wait : {base::Duration{1ms}, base::Duration{LogTail::linger}}) {
    std::ofstream writer(log, std::ios::app);
    fs::remove(log);
    EXPECT_EQ(look(), Lines{});
    writer << "last\nhalf" << std::flush;
    EXPECT_EQ(look(), Lines{"last"});
    writer.close();
    const auto gone = look(wait);
    EXPECT_EQ(gone, wait < LogTail::linger ? Lines{} : Lines{"half$"});
    rewrite(log, "new\n");  // may well have the inode number of the deleted one
    EXPECT_EQ(look(), Lines{"new"});
    look(LogTail::linger);
  }
}

TEST_P(LogTailTest, ReadsANewFileWithTheInodeNumberOfADeletedOne) {
  rewrite(log, "");
  start();
  append(log, "1\n2\n");
  EXPECT_EQ(look(), (Lines{"1", "2"}));
  fs::remove(log);
  look();
  look(LogTail::linger);  // closed, so that its number is free
  rewrite(log, "3\n4\n5\n");
  EXPECT_EQ(look(), (Lines{"3", "4", "5"}));
}

TEST_P(LogTailTest, GoesOnInADirectoryThatIsDeletedAndCreated) {
  const auto folder = directory / "logs";
  LogTail inner(folder + "/log", GetParam());
  Lines lines;
  const auto look_inside = [&] {
    lines.clear();
    inner.look(now += 1ms, plenty, [&](const LogLine& line) { lines.emplace_back(line.text); });
    return lines;
  };
  inner.start(now, 0);
  EXPECT_EQ(look_inside(), Lines{});
  for (const auto* const text : {"a", "b", "c"}) {
    fs::create_directory(folder);
    append(folder + "/log", text + "1\n"s);
    EXPECT_EQ(look_inside(), Lines{text + "1"s});
    append(folder + "/log", text + "2\n"s);
    EXPECT_EQ(look_inside(), Lines{text + "2"s});
    fs::remove_all(folder);
    EXPECT_EQ(look_inside(), Lines{});
  }
}

TEST_P(LogTailTest, FollowsASymbolicLinkThatIsSwitched) {
  const auto point_at = [&](const std::string& target) {
    fs::create_symlink(target, log + ".new");
    fs::rename(log + ".new", log);
  };
  rewrite(directory / "a", "old\n");
  rewrite(directory / "b", "b1\n");
  point_at(directory / "a");
  start();
  append(log, "a1\n");
  EXPECT_EQ(look(), Lines{"a1"});
  point_at(directory / "b");
  EXPECT_EQ(look(), Lines{"b1"});
  append(directory / "a", "a2\n");
  append(log, "b2\n");
  EXPECT_EQ(look(), (Lines{"a2", "b2"}));
  look(LogTail::linger);
  point_at("a");
  append(log, "a3\n");
  EXPECT_EQ(look(), Lines{"a3"});
  point_at(directory / "nowhere");
  EXPECT_EQ(look(), Lines{});
  rewrite(directory / "nowhere", "c\n");
  EXPECT_EQ(look(), Lines{"c"});
}

TEST_P(LogTailTest, WaitsWhereTheNameIsNoFile) {
  rewrite(log, "");
  start();
  append(log, "a\n");
  fs::rename(log, log + ".1");
  fs::create_directory(log);
  EXPECT_EQ(look(), Lines{"a"});
  fs::remove(log);
  ASSERT_EQ(::mkfifo(log.c_str(), 0600), 0);
  EXPECT_EQ(look(), Lines{});
  fs::remove(log);
  rewrite(log, "b\n");
  EXPECT_EQ(look(), Lines{"b"});
}

TEST_P(LogTailTest, StartsLaterWhereItCannotStartNow) {
  fs::create_directory(log);
  EXPECT_EQ(start(10), Lines{});
  EXPECT_FALSE(tail.started());
  fs::remove(log);
  rewrite(log, "old\n");
  EXPECT_EQ(start(10), Lines{"old"});
  EXPECT_TRUE(tail.started());
  EXPECT_EQ(start(10), Lines{});
}

INSTANTIATE_TEST_SUITE_P(All, LogTailTest, testing::Values(Notice::inotify, Notice::none),
                         [](const auto& at) {
                           return at.param == Notice::inotify ? "Inotify" : "Alone";
                         });

class LogTailNotice : public LogTailTest {
 protected:
  void SetUp() override {
    rewrite(log, "");
    start();
    if (tail.readable() < 0) GTEST_SKIP() << "no inotify left";
    look();
  }
  [[nodiscard]] bool told(int timeout_ms = 0) const {
    pollfd descriptor{tail.readable(), POLLIN, 0};
    return ::poll(&descriptor, 1, timeout_ms) == 1;
  }
};

TEST_P(LogTailNotice, TellsWhenThereIsSomethingToLookAt) {
  constexpr int patience = 10'000;
  EXPECT_FALSE(told());
  append(log, "a\n");
  EXPECT_TRUE(told(patience));
  look();
  EXPECT_FALSE(told());
  fs::rename(log, log + ".1");
  EXPECT_TRUE(told(patience));
  look();
  rewrite(log, "");
  EXPECT_TRUE(told(patience));
  look();
  append(log + ".1", "b\n");
  EXPECT_TRUE(told(patience));
  look();
  fs::remove(log);
  EXPECT_TRUE(told(patience));
}

TEST_P(LogTailNotice, FindsAFileThatWasTheLogBetweenTwoLooks) {
  append(log, "1\n");
  fs::rename(log, log + ".1");
  rewrite(log, "2\n");
  fs::rename(log, log + ".2");
  rewrite(log, "3\n");
  EXPECT_EQ(look(), (Lines{"1", "2", "3"}));
  EXPECT_EQ(look(), Lines{});
}

/// Far more files had the log's name between two looks than are read beside each other, and the one
/// that was read before has it again.
TEST_P(LogTailNotice, KnowsAFileAgainInACrowdOfRenamedOnes) {
  append(log, "0\n");
  EXPECT_EQ(look(), Lines{"0"});
  fs::rename(log, directory / "held");
  Lines lines;
  for (int i = 1; i <= 200; ++i) {
    rewrite(log, std::to_string(i) + "\n");
    fs::rename(log, log + "." + std::to_string(i));
    lines.push_back(std::to_string(i));
  }
  fs::rename(directory / "held", log);
  EXPECT_EQ(look(), lines);
  EXPECT_EQ(look(), Lines{});
  append(log, "201\n");
  EXPECT_EQ(look(), Lines{"201"});
}

TEST_P(LogTailNotice, FindsItUnderItsLastName) {
  append(log, "1\n");
  for (const auto* const text : {"2\n", "3\n", "4\n"}) {  // as logrotate renames
    if (fs::exists(log + ".2")) fs::rename(log + ".2", log + ".3");
    if (fs::exists(log + ".1")) fs::rename(log + ".1", log + ".2");
    fs::rename(log, log + ".1");
    rewrite(log, text);
  }
  EXPECT_EQ(look(), (Lines{"1", "2", "3", "4"}));
}

TEST_P(LogTailNotice, DoesNotReadWhatNeverWasTheLog) {
  rewrite(directory / "other", "x\n");
  fs::rename(directory / "other", directory / "another");
  fs::rename(log, log + ".1");
  fs::rename(directory / "another", log + ".1");  // in its place
  rewrite(log, "1\n");
  EXPECT_EQ(look(), Lines{"1"});
}

INSTANTIATE_TEST_SUITE_P(Inotify, LogTailNotice, testing::Values(Notice::inotify),
                         [](const auto&) { return "Only"; });

TEST(RequireLogFile, RefusesWhatCannotBeFollowed) {
  const support::TemporaryDirectory directory;
  EXPECT_NO_THROW(require_log_file(directory / "absent"));
  rewrite(directory / "file", "");
  EXPECT_NO_THROW(require_log_file(directory / "file"));
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  for (const auto& path :
       {directory.path(), directory / "fifo", "/dev/null"s, directory / "file/x"}) {
    try {
      require_log_file(path);
      ADD_FAILURE() << path;
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace poetry::session
