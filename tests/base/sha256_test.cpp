#include "base/sha256.hpp"

#include <gtest/gtest.h>

namespace poetry {
namespace {

// The one-block message and the empty message of NIST's examples for FIPS 180-4.
TEST(Sha256, MatchesThePublishedDigests) {
  Sha256 digest;
  digest.update("a");
  digest.update("bc");
  EXPECT_EQ(digest.finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().finish(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace poetry
