// Addresses as users write them: refused with a UsageError, or printed as text that reads back the
// same.
#include <cstddef>
#include <cstdint>

#include "base/error.hpp"
#include "net/address.hpp"
#include "property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry;
  const std::string text(data, data + size);
  try {
    const auto where = parse_host_port(text, 0);
    must_hold(parse_host_port(to_string(where), 0) == where, "address -> text -> address");
    static_cast<void>(resolve_numeric(where));
  } catch (const UsageError&) {
    return 0;
  }
  return 0;
}
