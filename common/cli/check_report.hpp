// What a tool's --check found out, a line each on standard output: what works, what would fail and
// what helps.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace poetry::cli {

class CheckReport {
 public:
  void works(std::string_view what);
  /// Works, but may surprise; `remedy` says what helps.
  void warns(std::string_view what, std::string_view remedy);
  void fails(std::string_view what, std::string_view remedy);
  /// Runs `attempt`: works(what), or fails() with what it raised, its remedy where it is a Failure,
  /// else that of a path.
  void tries(std::string_view what, const std::function<void()>& attempt);

  /// Prints how many would fail; exit_ok or exit_failure.
  int finish();

 private:
  std::size_t failures_ = 0;
};

/// Tries whether a file of this path could be written, and leaves nothing behind. Raises
/// std::system_error.
void try_to_write(const std::string& path);

/// The same for a directory that is made with those above it, where they are missing.
void try_to_make_directory(const std::string& path);

}  // namespace poetry::cli
