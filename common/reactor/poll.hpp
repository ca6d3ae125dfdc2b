// Multiplexer by poll(2): the kernel looks through the whole list in every wait, which costs time
// in proportion to the descriptors that are waited for. Owned by whoever runs a loop over it.
#pragma once

#include <poll.h>

#include <cstddef>
#include <vector>

#include "reactor/multiplexer.hpp"

namespace poetry::reactor {

class Poll final : public Multiplexer {
 public:
  void set(int fd, Interest interest) override;
  std::span<const Ready> wait(base::Duration timeout) override;

 private:
  std::vector<pollfd> asked_;        // without gaps
  std::vector<std::size_t> places_;  // in asked_ by descriptor, counted from 1; 0: not asked
  std::vector<Ready> ready_;
};

}  // namespace poetry::reactor
