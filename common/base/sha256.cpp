#include "base/sha256.hpp"

#include <openssl/evp.h>

#include <new>
#include <stdexcept>

namespace poetry {
namespace {

constexpr std::string_view hexadecimal = "0123456789abcdef";

}  // namespace

struct Sha256::State {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> digest{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->digest) throw std::bad_alloc();
  if (EVP_DigestInit_ex(state_->digest.get(), EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available in this OpenSSL");
  }
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(state_->digest.get(), bytes.data(), bytes.size());
}

Digest Sha256::finish_digest() {
  Digest digest{};
  EVP_DigestFinal_ex(state_->digest.get(), digest.data(), nullptr);
  return digest;
}

std::string Sha256::finish() { return to_hex(finish_digest()); }

std::string to_hex(const Digest& digest) {
  std::string text;
  text.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    text += hexadecimal[byte >> 4];
    text += hexadecimal[byte & 15];
  }
  return text;
}

std::optional<Digest> parse_digest(std::string_view text) {
  Digest digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char lower =
        text[at] >= 'A' && text[at] <= 'F' ? static_cast<char>(text[at] + 32) : text[at];
    const auto value = hexadecimal.find(lower);
    if (value == std::string_view::npos) return std::nullopt;
    digest[at / 2] = static_cast<unsigned char>(digest[at / 2] << 4 | value);
  }
  return digest;
}

}  // namespace poetry
