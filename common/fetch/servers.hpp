// The servers of a batch, and what is known of each beyond its address. Never changes; copies share
// the one list, so that neither a task nor a run of an engine costs another.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fetch/record.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

struct Details {
  std::string label;                ///< what people call it; empty: its address
  std::optional<std::string> send;  ///< in place of what the others are sent
  Expected expected;
};

struct Server {
  Server(net::HostPort at, std::shared_ptr<const Details> known = {})
      : where(std::move(at)), details(std::move(known)) {}

  net::HostPort where;
  std::shared_ptr<const Details> details;  ///< null where nothing is known
};

class Servers {
 public:
  Servers() = default;
  /// `repeat` tasks for each server, one behind the other.
  explicit Servers(std::vector<Server> each, std::uint64_t repeat = 1)
      : each_(std::make_shared<const std::vector<Server>>(std::move(each))), repeat_(repeat) {}
  Servers(std::initializer_list<net::HostPort> each, std::uint64_t repeat = 1)
      : Servers(std::vector<Server>(each.begin(), each.end()), repeat) {}

  /// Tasks.
  [[nodiscard]] std::size_t size() const { return each_->size() * repeat_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// The server of a task.
  const net::HostPort& operator[](std::size_t task) const { return (*each_)[task / repeat_].where; }
  /// Null where nothing is known. Lives as long as any copy of this.
  [[nodiscard]] const Details* details(std::size_t task) const {
    return (*each_)[task / repeat_].details.get();
  }
  /// Its label, else its address.
  [[nodiscard]] std::string name(std::size_t task) const {
    const auto* const known = details(task);
    return known == nullptr || known->label.empty() ? net::to_string((*this)[task]) : known->label;
  }

 private:
  std::shared_ptr<const std::vector<Server>> each_ = std::make_shared<const std::vector<Server>>();
  std::size_t repeat_ = 1;
};

}  // namespace poetry::fetch
