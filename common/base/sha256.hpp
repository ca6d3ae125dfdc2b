// SHA-256 (FIPS 180-4) of bytes that arrive piece by piece, by OpenSSL. Owned by who digests.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace poetry {

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(std::string_view bytes);
  /// The digest in lower-case hexadecimal. Ends this digest; start another with a new object.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace poetry
