// What is stored of a weblog, whole lines alone.
#include "poetry-sync/work/part_text.hpp"

#include <gmock/gmock.h>

namespace poetry::sync::work {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string stored_in(const store::Changes& changes) {
  std::string text;
  for (const auto& piece : changes.pieces) {
    text.resize(static_cast<std::size_t>(piece.start));
    text += piece.bytes;
  }
  return text;
}

PartText::Stored stored(const std::string& text) {
  return [text](std::int64_t start) { return text.substr(static_cast<std::size_t>(start), 4); };
}

TEST(WeblogTextTest, StoresAndLogsWholeLinesAlone) {
  store::Changes changes;
  WeblogText text({.name = "log", .address = "a"}, stored(""), 10, changes);
  text.receive("one\ntw", changes);
  EXPECT_EQ(stored_in(changes), "one\n");
  text.receive("o\n", changes);
  EXPECT_EQ(stored_in(changes), "one\ntwo\n");
  EXPECT_THAT(changes.lines, ElementsAre("log 1: one", "log 2: two"));
  EXPECT_EQ(text.part().bytes, 8);
  EXPECT_FALSE(text.part().complete);
  text.complete(changes);
  EXPECT_TRUE(text.part().complete);
}

TEST(WeblogTextTest, TakesNoMoreThanIsWanted) {
  store::Changes changes;
  WeblogText text({.name = "log", .address = "a"}, stored(""), 2, changes);
  text.receive("1\n2\n3\n4\n", changes);
  EXPECT_TRUE(text.is_full());
  text.receive("5\n", changes);
  EXPECT_EQ(stored_in(changes), "1\n2\n");
  EXPECT_EQ(text.records(), 2U);
}

TEST(WeblogTextTest, GoesOnBehindTheLastWholeLine) {
  store::Changes changes;
  WeblogText text({.name = "log", .address = "a", .bytes = 12}, stored("one\ntwo\nthre"), 3,
                  changes);
  ASSERT_EQ(changes.parts.size(), 1U);
  EXPECT_EQ(changes.parts[0].bytes, 8);
  text.receive("four\nfive\n", changes);
  ASSERT_EQ(changes.pieces.size(), 2U);
  EXPECT_EQ(changes.pieces[0].start, 8);
  EXPECT_EQ(changes.pieces[0].bytes, "");
  EXPECT_EQ(changes.pieces[1].start, 8);
  EXPECT_EQ(changes.pieces[1].bytes, "four\n");
  EXPECT_THAT(changes.lines, ElementsAre("log 3: four"));
}

TEST(WeblogTextTest, ChangesNothingWhereAllLinesAreWhole) {
  store::Changes changes;
  WeblogText text({.name = "log", .address = "a", .bytes = 8}, stored("one\ntwo\n"), 2, changes);
  EXPECT_TRUE(text.is_full());
  EXPECT_THAT(changes.parts, IsEmpty());
  EXPECT_THAT(changes.pieces, IsEmpty());
}

TEST(WeblogTextTest, CutsARecordWithoutAnEnd) {
  store::Changes changes;
  WeblogText text({.name = "log", .address = "a"}, stored(""), 10, changes);
  const std::string piece(60'000, 'x');
  text.receive(piece, changes);
  EXPECT_THAT(changes.pieces, IsEmpty());
  text.receive(piece, changes);
  EXPECT_EQ(stored_in(changes), piece + piece);
  EXPECT_EQ(text.records(), 0U);
}

}  // namespace
}  // namespace poetry::sync::work
