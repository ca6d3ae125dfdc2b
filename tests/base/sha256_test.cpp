#include "base/sha256.hpp"

#include <gtest/gtest.h>

namespace poetry::base {
namespace {

// The one-block message and the empty message of NIST's examples for FIPS 180-4.
TEST(Sha256, MatchesThePublishedDigests) {
  Sha256 digest;
  digest.update("a");
  digest.update("bc");
  EXPECT_EQ(to_hex(digest.finish_digest()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(Sha256().finish_digest()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, IsReadAsItIsWritten) {
  const Digest digest = Sha256().finish_digest();
  EXPECT_EQ(parse_digest(to_hex(digest)), digest);
  EXPECT_EQ(parse_digest("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"),
            digest);
  EXPECT_FALSE(parse_digest("e3b0"));
  EXPECT_FALSE(parse_digest(std::string(64, 'g')));
  EXPECT_FALSE(parse_digest(std::string(63, 'a') + std::string(1, '\0')));
}

// RFC 4231, test case 2.
TEST(Sha256, KeyedMatchesThePublishedDigest) {
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace poetry::base
