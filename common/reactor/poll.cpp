// Multiplexer by poll(2): the kernel looks through the whole list in every wait, which costs time
// in proportion to the descriptors that are waited for.
#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "reactor/timeout.hpp"

namespace poetry::reactor {
namespace {

class Poll final : public Multiplexer {
 public:
  void set(int fd, Interest interest) override {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= places_.size()) places_.resize(std::max(index + 1, 2 * places_.size()));
    auto& place = places_[index];
    if (interest == Interest::none) {
      if (place == 0) return;
      asked_[place - 1] = asked_.back();  // the last one fills the gap
      places_[static_cast<std::size_t>(asked_.back().fd)] = place;
      asked_.pop_back();
      place = 0;
      return;
    }
    if (place == 0) {
      asked_.push_back({fd, 0, 0});
      place = asked_.size();
    }
    asked_[place - 1].events = static_cast<short>(interest);
  }

  std::span<const Ready> wait(base::Duration timeout) override {
    ready_.clear();
    const auto limit = to_timespec(timeout);
    auto count = ::ppoll(asked_.data(), asked_.size(), limit ? &*limit : nullptr, nullptr);
    if (count < 0) take_failed_wait("descriptors");
    for (const auto& each : asked_) {
      if (count <= 0) break;
      if (each.revents == 0) continue;
      --count;
      const auto events = static_cast<unsigned short>(each.revents);
      ready_.push_back({each.fd, ready_for(events, static_cast<Interest>(each.events))});
    }
    return ready_;
  }

 private:
  std::vector<pollfd> asked_;        // without gaps
  std::vector<std::size_t> places_;  // in asked_ by descriptor, counted from 1; 0: not asked
  std::vector<Ready> ready_;
};

}  // namespace

std::unique_ptr<Multiplexer> make_poll() { return std::make_unique<Poll>(); }

}  // namespace poetry::reactor
