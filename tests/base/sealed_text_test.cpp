#include "base/sealed_text.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <system_error>

#include "support/temporary_file.hpp"

namespace poetry::base {
namespace {

TEST(SealedText, HoldsTheBytesAsTheyAre) {
  const std::string bytes("a\r\nb\0c\xff\n\nend", 13);
  EXPECT_EQ(SealedText::read(support::TemporaryFile(bytes).path())->bytes(), bytes);
  EXPECT_EQ(SealedText::copy(bytes)->bytes(), bytes);
}

TEST(SealedText, IsEmptyForAnEmptyFile) {
  EXPECT_EQ(SealedText::read(support::TemporaryFile("").path())->bytes(), "");
}

TEST(SealedText, OutlivesWhatHappensToTheFile) {
  const support::TemporaryFile file(std::string(100'000, 'x'));
  const auto text = SealedText::read(file.path());
  file.write("y");
  EXPECT_EQ(text->bytes(), std::string(100'000, 'x'));
}

/// How often memory without a file is mapped into this process.
std::size_t mapped() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find("/memfd:") != line.npos;
  return count;
}

TEST(SealedText, IsMappedForAsLongAsItLives) {
  const auto before = mapped();
  auto text = SealedText::copy("a");
  EXPECT_EQ(mapped(), before + 1);
  text.reset();
  EXPECT_EQ(mapped(), before);
}

TEST(SealedText, NamesWhatCannotBeRead) {
  for (const auto* path : {"/nonexistent/poem", "/tmp", "/dev/zero", "/proc/kcore"}) {
    try {
      SealedText::read(path);
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace poetry::base
