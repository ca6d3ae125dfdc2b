// Multiplexer by select(2). Its descriptor sets grow with the highest descriptor and are passed to
// the kernel as they are, so FD_SETSIZE is no limit; a wait costs time in proportion to the highest
// descriptor. Owned by whoever runs the reactor over it.
#pragma once

#include <vector>

#include "reactor/multiplexer.hpp"

namespace poetry::reactor {

class Select final : public Multiplexer {
 public:
  void set(int fd, Interest interest) override;
  std::span<const Ready> wait(base::Duration timeout) override;

 private:
  using Word = unsigned long;  // of the kernel's fd_set
  using Bits = std::vector<Word>;

  void collect();

  Bits reading_, writing_;    // what is asked
  Bits readable_, writable_;  // what the kernel answered
  std::size_t words_ = 0;     // up to the highest descriptor with an interest
  std::vector<Ready> ready_;
};

}  // namespace poetry::reactor
