// Whether a whole answer is the one that was wanted, by what it says.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace poetry::fetch {

/// All tasks share it, in any thread.
struct AnswerCheck {
  std::size_t max_bytes;  ///< how much of an answer's beginning it looks at
  /// Why an answer that begins so is not the one that was wanted; empty where it is.
  std::function<std::string(std::string_view answer)> mismatch;
};

/// A regular expression matches somewhere in the answer's first MiB: in Perl's syntax, as
/// Boost.Regex has it; a point matches no line's end. Where that takes too many steps to tell, it
/// does not. Raises UsageError naming the pattern and what is wrong with it.
std::shared_ptr<const AnswerCheck> match_pattern(const std::string& pattern);

}  // namespace poetry::fetch
