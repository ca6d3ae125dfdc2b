#include "fetch/answer.hpp"

#include <boost/regex.hpp>
#include <stdexcept>
#include <utility>

#include "base/error.hpp"
#include "base/shown_text.hpp"

namespace poetry::fetch {

Answer::Answer(const FetchOptions& options, const Expected* expected)
    : options_(&options), expected_(expected), end_mark_(options.until) {
  const bool compared = expected != nullptr && expected->sha256;
  if (options.digests == Digests::yes || compared) digest_.emplace();
}

std::string_view Answer::take(std::string_view bytes, Record& record) {
  bytes = bytes.substr(0, options_->max_bytes - record.bytes);
  if (const auto whole = end_mark_.find(bytes)) {
    bytes = bytes.substr(0, *whole);
    marked_whole_ = true;
  }
  if (digest_) digest_->update(bytes);
  if (options_->check)
    beginning_ += bytes.substr(0, options_->check->max_bytes - beginning_.size());
  record.bytes += bytes.size();
  if (last_byte_ != '\n') --record.lines;  // its line goes on, and is counted again below
  // So many as a byte can count, of which the compiler counts sixteen at once.
  for (std::size_t at = 0; at < bytes.size(); at += 255) {
    std::uint8_t some = 0;
    for (const char each : bytes.substr(at, 255)) some += each == '\n' ? 1 : 0;
    record.lines += some;
  }
  last_byte_ = bytes.back();
  if (last_byte_ != '\n') ++record.lines;
  return bytes;
}

Answer::Verdict Answer::ended(Record& record) {
  if (auto what = end_mark_.missing(record.lines); !what.empty())
    return {Outcome::truncated, std::move(what)};
  return whole(record);
}

Answer::Verdict Answer::whole(Record& record) {
  if (digest_) record.sha256 = digest_->finish_digest();
  const auto expected = expected_ == nullptr ? Expected{} : *expected_;
  if (expected.bytes.value_or(record.bytes) != record.bytes) {
    return {Outcome::truncated,
            std::to_string(record.bytes) + " of " + std::to_string(*expected.bytes) + " bytes"};
  }
  if (expected.sha256 && expected.sha256 != record.sha256)
    return {Outcome::truncated, "sha256 differs"};
  if (!options_->check) return {};
  auto what = options_->check->mismatch(beginning_);
  return {what.empty() ? Outcome::ok : Outcome::unexpected, std::move(what)};
}

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
