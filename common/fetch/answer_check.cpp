#include <boost/regex.hpp>
#include <stdexcept>

#include "base/error.hpp"
#include "base/shown_text.hpp"
#include "fetch/fetch_options.hpp"

namespace poetry::fetch {

std::shared_ptr<const AnswerCheck> match_pattern(const std::string& pattern) {
  try {
    const auto shown = '"' + base::shown_utf8(pattern) + '"';
    const auto mismatch = [regex = boost::regex(pattern),
                           shown](std::string_view answer) -> std::string {
      try {
        const bool found =
            boost::regex_search(answer.begin(), answer.end(), regex, boost::match_not_dot_newline);
        return found ? "" : "the answer does not match " + shown;
      } catch (const std::runtime_error&) {
        return "the pattern " + shown + " takes too many steps with this answer";
      }
    };
    return std::make_shared<const AnswerCheck>(AnswerCheck{std::size_t{1} << 20, mismatch});
  } catch (const boost::regex_error& error) {
    std::string what = error.what();
    what = what.substr(0, what.find("  The error occurred"));  // where Boost shows it once more
    if (what.ends_with('.')) what.pop_back();
    throw base::UsageError("not a regular expression (" + what + ")", pattern);
  }
}

}  // namespace poetry::fetch
