#include "poetry-sync/work/part_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace poetry::sync::work {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What a store keeps of one text, written batch by batch, and the attempts at fetching it.
class PartTextTest : public testing::Test {
 protected:
  PartText attempt() {
    return {part_, [this](std::int64_t start) {
              return stored_.substr(static_cast<std::size_t>(start), 5);  // pieces are short here
            }};
  }

  /// One transaction.
  void store(store::Changes& changes) {
    for (const auto& piece : changes.pieces) {
      ASSERT_LE(static_cast<std::size_t>(piece.start), stored_.size());
      stored_.replace(static_cast<std::size_t>(piece.start), std::string::npos, piece.bytes);
    }
    for (auto& line : changes.lines) log_.push_back(std::move(line));
    for (const auto& part : changes.parts) part_ = part;
    ASSERT_EQ(static_cast<std::size_t>(part_.bytes), stored_.size());
    changes = {};
  }

  /// Receives so much at a time, and stores it each time.
  void receive(PartText& text, std::string_view bytes, std::size_t at_once) {
    store::Changes changes;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(at_once, bytes.size()))) {
      text.receive(bytes.substr(0, at_once), changes);
      store(changes);
    }
  }

  void complete(PartText& text) {
    store::Changes changes;
    text.complete("sum", changes);
    store(changes);
    EXPECT_TRUE(part_.complete);
    EXPECT_EQ(part_.sha256, "sum");
  }

  store::Part part_{.number = 3, .name = "p", .address = "a"};
  std::string stored_;
  std::vector<std::string> log_;
};

TEST_F(PartTextTest, StoresWhatComesAndLogsItsLines) {
  for (std::size_t at_once = 1; at_once < 12; ++at_once) {
    part_ = {.number = 3, .name = "p", .address = "a"};
    stored_.clear();
    log_.clear();
    auto text = attempt();
    receive(text, "one\n\ntwo\nthr", at_once);
    EXPECT_THAT(log_, ElementsAre("p 1: one", "p 2: ", "p 3: two"));
    complete(text);
    EXPECT_EQ(stored_, "one\n\ntwo\nthr");
    EXPECT_THAT(log_, ElementsAre("p 1: one", "p 2: ", "p 3: two", "p 4: thr"));
  }
}

TEST_F(PartTextTest, ResumedAnywhereItLogsEachLineOnce) {
  const std::string poem = "one\n\ntwo\nthree\nfour";
  for (std::size_t cut = 0; cut <= poem.size(); ++cut) {
    for (const std::size_t at_once : {1, 4, 100}) {
      part_ = {.number = 3, .name = "p", .address = "a"};
      stored_.clear();
      log_.clear();
      auto first = attempt();
      receive(first, poem.substr(0, cut), 3);
      auto second = attempt();
      receive(second, poem, at_once);
      complete(second);
      EXPECT_EQ(stored_, poem);
      EXPECT_THAT(log_, ElementsAre("p 1: one", "p 2: ", "p 3: two", "p 4: three", "p 5: four"))
          << "cut at " << cut << ", " << at_once << " at once";
    }
  }
}

TEST_F(PartTextTest, WhatIsStoredIsNotStoredAgain) {
  auto first = attempt();
  receive(first, "one\ntwo\n", 100);
  auto second = attempt();
  store::Changes changes;
  second.receive("one\ntw", changes);
  EXPECT_TRUE(changes.empty());
  second.receive("o\nthree\n", changes);
  ASSERT_EQ(changes.pieces.size(), 1U);
  EXPECT_EQ(changes.pieces[0].start, 8);
  EXPECT_EQ(changes.pieces[0].bytes, "three\n");
  EXPECT_THAT(changes.lines, ElementsAre("p 3: three"));
}

TEST_F(PartTextTest, WhatDiffersIsReplacedFromThere) {
  for (const std::size_t at_once : {1, 3, 100}) {
    part_ = {.number = 3, .name = "p", .address = "a"};
    stored_.clear();
    log_.clear();
    auto first = attempt();
    receive(first, "one\ntwo\nthree\n", 100);
    log_.clear();
    auto second = attempt();
    receive(second, "one\ntWo\nthree\nfour\n", at_once);
    complete(second);
    EXPECT_EQ(stored_, "one\ntWo\nthree\nfour\n");
    EXPECT_THAT(log_, ElementsAre("p: differs from byte 5 on, and is replaced from there",
                                  "p 2: tWo", "p 3: three", "p 4: four"));
  }
}

TEST_F(PartTextTest, AShorterStreamCutsWhatIsStored) {
  auto first = attempt();
  receive(first, "one\ntwo\nthree\n", 100);
  log_.clear();
  auto second = attempt();
  receive(second, "one\ntwo\n", 100);
  EXPECT_EQ(stored_, "one\ntwo\nthree\n");  // more may come yet
  complete(second);
  EXPECT_EQ(stored_, "one\ntwo\n");
  EXPECT_THAT(log_, ElementsAre(HasSubstr("ends at byte 8")));
}

TEST_F(PartTextTest, AnEmptyStreamIsAText) {
  auto text = attempt();
  complete(text);
  EXPECT_EQ(stored_, "");
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(PartTextTest, WhatIsLoggedIsShortAndPrintable) {
  auto text = attempt();
  receive(text, "a\x1b[2J\xff\n" + std::string(1'000'000, 'x') + "\n", 1000);
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_EQ(log_[0].find('\x1b'), std::string::npos);
  EXPECT_LT(log_[1].size(), 400U);
  EXPECT_EQ(stored_.size(), 1'000'008U);
}

TEST_F(PartTextTest, PiecesOfOneBatchAreOne) {
  auto text = attempt();
  store::Changes changes;
  text.receive("one\n", changes);
  text.receive("two\n", changes);
  ASSERT_EQ(changes.pieces.size(), 1U);
  EXPECT_EQ(changes.pieces[0].bytes, "one\ntwo\n");
}

}  // namespace
}  // namespace poetry::sync::work
