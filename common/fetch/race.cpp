#include "fetch/race.hpp"

#include <algorithm>

namespace poetry::fetch {
namespace {

std::vector<net::Address> alternate(const std::vector<net::Address>& found) {
  std::vector<net::Address> first;
  std::vector<net::Address> second;
  for (const auto& address : found)
    (address.family() == found.front().family() ? first : second).push_back(address);
  std::vector<net::Address> mixed;
  for (std::size_t index = 0; index < std::max(first.size(), second.size()); ++index) {
    if (index < first.size()) mixed.push_back(first[index]);
    if (index < second.size()) mixed.push_back(second[index]);
  }
  return mixed;
}

}  // namespace

Race::Race(const std::vector<net::Address>& found, base::TimePoint now)
    : addresses_(alternate(found)) {
  try_next(now);
}

void Race::try_next(base::TimePoint now) {
  if (under_way_ == max_tried_at_once) {
    errors_[over()] = std::make_error_code(std::errc::timed_out);
    --under_way_;
  }
  errors_.emplace_back();
  ++under_way_;
  const bool more = errors_.size() < addresses_.size();
  next_at_ = more ? base::later(now, connection_attempt_delay) : base::never;
}

void Race::failed(std::size_t index, std::error_code error, base::TimePoint now) {
  errors_[index] = error;
  --under_way_;
  const bool last = index + 1 == errors_.size();
  if (errors_.size() < addresses_.size() && last) try_next(now);
}

std::size_t Race::over() const {
  const auto found = std::find(errors_.begin(), errors_.end(), std::error_code());
  return static_cast<std::size_t>(found - errors_.begin());
}

std::string Race::how_many_tried() const {
  if (addresses_.size() == 1) return {};
  return " (" + std::to_string(errors_.size()) + " of " + std::to_string(addresses_.size()) +
         " addresses tried)";
}

std::string Race::how_many_failed() const {
  if (addresses_.size() == 1) return {};
  return " (the last of " + std::to_string(addresses_.size()) + " addresses)";
}

std::size_t Race::leader() const { return std::min(over(), errors_.size() - 1); }

}  // namespace poetry::fetch
