// Bytes as hexadecimal digits, and SHA-256 (FIPS 180-4) of bytes that arrive piece by piece, by
// Nettle, which allocates nothing. Owned by who digests.
#pragma once

#include <nettle/sha2.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace poetry::base {

/// Two lower-case digits a byte.
std::string to_hex(std::string_view bytes);

/// The bytes that such a text stands for, in upper or lower case; none where it is not one.
std::optional<std::string> parse_hex(std::string_view text);

/// A digest as it is, of a third of its text's size.
using Digest = std::array<unsigned char, 32>;

std::string to_hex(const Digest& digest);

/// The digest that such a text stands for, in upper or lower case; none where it is not one.
std::optional<Digest> parse_digest(std::string_view text);

class Sha256 {
 public:
  Sha256() { ::sha256_init(&context_); }
  void update(std::string_view bytes);
  /// Ends this digest; start another with a new object.
  Digest finish_digest();

 private:
  sha256_ctx context_{};
};

/// HMAC (RFC 2104) by SHA-256.
Digest hmac_sha256(std::string_view key, std::string_view text);

}  // namespace poetry::base
