// The servers of a batch, and what is known of their poems beforehand. Never changes; copies share
// the one list, so that neither a task nor a run of an engine costs another.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "fetch/record.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

class Servers {
 public:
  Servers() = default;
  Servers(std::initializer_list<net::HostPort> each) : Servers(std::vector<net::HostPort>(each)) {}
  /// `repeat` tasks for each server, one behind the other. `expected` has an entry for each server,
  /// or none at all.
  explicit Servers(std::vector<net::HostPort> each, std::uint64_t repeat = 1,
                   std::vector<Expected> expected = {})
      : each_(std::make_shared<const std::vector<net::HostPort>>(std::move(each))),
        expected_(std::make_shared<const std::vector<Expected>>(std::move(expected))),
        repeat_(repeat) {}

  /// Tasks.
  [[nodiscard]] std::size_t size() const { return each_->size() * repeat_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// The server of a task.
  const net::HostPort& operator[](std::size_t task) const { return (*each_)[task / repeat_]; }
  /// What it should send; null where nothing is known. Lives as long as any copy of this.
  [[nodiscard]] const Expected* expected(std::size_t task) const {
    return expected_->empty() ? nullptr : &(*expected_)[task / repeat_];
  }

 private:
  std::shared_ptr<const std::vector<net::HostPort>> each_ =
      std::make_shared<const std::vector<net::HostPort>>();
  std::shared_ptr<const std::vector<Expected>> expected_ =
      std::make_shared<const std::vector<Expected>>();
  std::size_t repeat_ = 1;
};

}  // namespace poetry::fetch
