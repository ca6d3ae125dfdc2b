// The faults of one port, a line each, and what --serve takes: refused with a UsageError, or a plan
// that chooses the same faults for a connection whenever it is asked.
#include <cstddef>
#include <cstdint>
#include <sstream>

#include "base/error.hpp"
#include "faults/fault_spec.hpp"
#include "property.hpp"
#include "session/services.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry;
  using base::UsageError;
  using poetry::fuzz::must_hold;
  const std::string text(data, data + size);
  std::vector<std::string> texts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) texts.push_back(line);
  try {
    const auto plan = faults::parse_faults(texts);
    for (std::uint64_t number = 1; number <= 3; ++number) {
      const session::Peer peer{.number = number, .seed = number};
      must_hold(plan.choose(peer) == plan.choose(peer), "the same connection, the same faults");
    }
  } catch (const UsageError&) {
    must_hold(!texts.empty(), "no fault at all is valid");
  }
  try {
    const auto spec = session::parse_service(text, {});
    must_hold(!spec.service.empty() && !spec.name.empty(), "a service has a name");
  } catch (const UsageError&) {
    return 0;
  }
  return 0;
}
