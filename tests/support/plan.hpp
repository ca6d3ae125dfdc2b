// The faults of a service under test, as users write them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "faults/fault_spec.hpp"

namespace poetry::support {

inline std::shared_ptr<faults::CurrentPlan> plan_of(const std::vector<std::string>& texts) {
  return std::make_shared<faults::CurrentPlan>(faults::parse_faults(texts));
}

}  // namespace poetry::support
