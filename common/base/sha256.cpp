#include "base/sha256.hpp"

#include <nettle/hmac.h>

#include <algorithm>
#include <boost/algorithm/hex.hpp>

namespace poetry::base {
namespace {

/// Nettle 4 takes no size.
Digest digest_of(auto& context, auto finish) {
  Digest digest{};
  if constexpr (requires { finish(&context, digest.data()); })
    finish(&context, digest.data());
  else
    finish(&context, digest.size(), digest.data());
  return digest;
}

const auto* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  return boost::algorithm::hex_lower(std::string(bytes));
}

std::optional<std::string> parse_hex(std::string_view text) try {
  return boost::algorithm::unhex(std::string(text));
} catch (const boost::algorithm::hex_decode_error&) {
  return std::nullopt;
}

void Sha256::update(std::string_view bytes) {
  ::sha256_update(&context_, bytes.size(), bytes_of(bytes));
}

Digest Sha256::finish_digest() { return digest_of(context_, ::sha256_digest); }

Digest hmac_sha256(std::string_view key, std::string_view text) {
  hmac_sha256_ctx context{};
  ::hmac_sha256_set_key(&context, key.size(), bytes_of(key));
  ::hmac_sha256_update(&context, text.size(), bytes_of(text));
  return digest_of(context, ::hmac_sha256_digest);
}

std::string to_hex(const Digest& digest) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::optional<Digest> parse_digest(std::string_view text) {
  const auto bytes = parse_hex(text);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

}  // namespace poetry::base
