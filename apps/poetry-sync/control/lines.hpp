// What the lines of the control port mean; man/poetry-sync.1 tells users. Owned by the port's
// server.
#pragma once

#include <string>
#include <vector>

#include "store/store.hpp"

namespace poetry::sync::control {

/// What a line of the control port is answered, without I/O but the store's. Never raises.
class ControlLines {
 public:
  explicit ControlLines(store::Store& store) : store_(store) {}

  enum class After { go_on, close, quit };
  struct Reply {
    std::string line;  ///< without its newline; empty: nothing new is there yet
    After after = After::go_on;
  };
  Reply answer(const std::string& line);

 private:
  Reply carry_out(const std::vector<std::string>& words);
  Reply next_line(store::Id job, std::int64_t after);

  store::Store& store_;
};

}  // namespace poetry::sync::control
