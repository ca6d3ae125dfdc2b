// Multiplexer that asks nobody and never waits: it says of every descriptor that it is ready, and
// who is woken finds out by the call itself, mostly EAGAIN. What non-blocking sockets alone come
// to, for comparison: it takes a whole processor, however little there is to do.
#include <vector>

#include "reactor/multiplexer.hpp"

namespace poetry::reactor {
namespace {

class Spin final : public Multiplexer {
 public:
  void set(int fd, Interest interest) override {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= asked_.size()) asked_.resize(index + 1);
    asked_[index] = interest;
  }

  std::span<const Ready> wait(base::Duration /*timeout*/) override {
    ready_.clear();
    for (std::size_t index = 0; index < asked_.size(); ++index) {
      for (const auto one : {Interest::read, Interest::write}) {
        if (has(asked_[index], one)) ready_.push_back({static_cast<int>(index), one});
      }
    }
    return ready_;
  }

 private:
  std::vector<Interest> asked_;  // by descriptor
  std::vector<Ready> ready_;
};

}  // namespace

std::unique_ptr<Multiplexer> make_spin() { return std::make_unique<Spin>(); }

}  // namespace poetry::reactor
