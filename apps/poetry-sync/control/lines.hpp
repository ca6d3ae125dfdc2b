// What the lines of the control port mean; man/poetry-sync.1 tells users. Free functions.
#pragma once

#include <string>

#include "store/store.hpp"

namespace poetry::sync::control {

enum class After { go_on, close, quit };

struct Reply {
  std::string line;  ///< without its newline; empty: nothing new is there yet
  After after = After::go_on;
};

/// What a line is answered, without I/O but the store's. Never raises.
Reply answer_line(store::Store& store, const std::string& line);

}  // namespace poetry::sync::control
