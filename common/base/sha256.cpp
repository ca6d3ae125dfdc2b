#include "base/sha256.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/algorithm/hex.hpp>
#include <new>
#include <stdexcept>

namespace poetry::base {

std::string to_hex(std::string_view bytes) {
  return boost::algorithm::hex_lower(std::string(bytes));
}

std::optional<std::string> parse_hex(std::string_view text) try {
  return boost::algorithm::unhex(std::string(text));
} catch (const boost::algorithm::hex_decode_error&) {
  return std::nullopt;
}

Sha256::Sha256() : context_(::EVP_MD_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  if (::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 is not available in this OpenSSL");
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const { ::EVP_MD_CTX_free(context); }

void Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

Digest Sha256::finish_digest() {
  Digest digest{};
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  return digest;
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
