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
  const std::string text(data, data + size);
  std::vector<std::string> faults;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) faults.push_back(line);
  try {
    const auto plan = parse_faults(faults);
    for (std::uint64_t number = 1; number <= 3; ++number) {
      const Peer peer{.number = number, .seed = number};
      must_hold(plan.choose(peer) == plan.choose(peer), "the same connection, the same faults");
    }
  } catch (const UsageError&) {
    must_hold(!faults.empty(), "no fault at all is valid");
  }
  try {
    const auto spec = parse_service(text, {});
    must_hold(!spec.service.empty() && !spec.name.empty(), "a service has a name");
  } catch (const UsageError&) {
    return 0;
  }
  return 0;
}
