#include "fetch/answer_check.hpp"

#include <boost/regex.hpp>
#include <stdexcept>

#include "base/error.hpp"
#include "base/shown_text.hpp"

namespace poetry::fetch {
namespace {

class PatternCheck final : public AnswerCheck {
 public:
  explicit PatternCheck(const std::string& pattern)
      : regex_(pattern), shown_('"' + base::shown_utf8(pattern) + '"') {}

  [[nodiscard]] std::size_t max_bytes() const override { return std::size_t{1} << 20; }

  [[nodiscard]] std::string mismatch(std::string_view answer) const override {
    try {
      const bool found =
          boost::regex_search(answer.begin(), answer.end(), regex_, boost::match_not_dot_newline);
      return found ? "" : "the answer does not match " + shown_;
    } catch (const std::runtime_error&) {
      return "the pattern " + shown_ + " takes too many steps with this answer";
    }
  }

 private:
  boost::regex regex_;
  std::string shown_;
};

}  // namespace

std::shared_ptr<const AnswerCheck> match_pattern(const std::string& pattern) {
  try {
    return std::make_shared<const PatternCheck>(pattern);
  } catch (const boost::regex_error& error) {
    std::string what = error.what();
    what = what.substr(0, what.find("  The error occurred"));  // where Boost shows it once more
    if (what.ends_with('.')) what.pop_back();
    throw base::UsageError("not a regular expression (" + what + ")", pattern);
  }
}

}  // namespace poetry::fetch
