// The poems that are part of the program, for a server without arguments.
#pragma once

#include <string_view>
#include <vector>

namespace poetry::session {

struct BuiltinPoem {
  std::string_view name;   ///< as a file's, "ecstasy.txt"
  std::string_view bytes;  ///< for the life of the program
};

std::vector<BuiltinPoem> builtin_poems();

}  // namespace poetry::session
