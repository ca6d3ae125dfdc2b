// Addresses as users write them: refused with a UsageError, or printed as text that reads back the
// same.
#include <cstddef>
#include <cstdint>

#include "base/error.hpp"
#include "net/address.hpp"
#include "property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry;
  using base::UsageError;
  using poetry::fuzz::must_hold;
  const std::string text(data, data + size);
  try {
    const auto where = net::parse_host_port(text, 0);
    must_hold(net::parse_host_port(net::to_string(where), 0) == where,
              "address -> text -> address");
    static_cast<void>(net::resolve_numeric(where));
  } catch (const UsageError&) {
    return 0;
  }
  return 0;
}
