// What makes an answer whole, and what it has to match: a pattern, an end and an answer, a NUL
// between two. The pattern is refused with a UsageError; in whatever pieces the answer comes, it
// is whole at the same byte, and the verdict is the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "fetch/answer.hpp"
#include "property.hpp"

namespace {

using namespace poetry;

std::string take_part(std::string& text) {
  auto part = text.substr(0, text.find('\0'));
  text.erase(0, part.size() + 1);
  return part;
}

struct Result {
  std::string bytes;
  fetch::Outcome outcome = fetch::Outcome::pending;
  std::uint64_t lines = 0;
  bool operator==(const Result&) const = default;
};

Result received(const fetch::FetchOptions& options, const std::string& text, std::size_t step) {
  fetch::Answer answer(options, nullptr);
  fetch::Record record;
  Result result;
  for (std::size_t at = 0; at < text.size() && !answer.marked_whole(); at += step)
    result.bytes += answer.take(std::string_view(text).substr(at, step), record);
  result.outcome = (answer.marked_whole() ? answer.whole(record) : answer.ended(record)).outcome;
  result.lines = record.lines;
  fuzz::must_hold(record.bytes == result.bytes.size(), "bytes are counted");
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(data, data + size);
  fetch::FetchOptions options;
  const std::string pattern = take_part(text);
  try {
    if (!pattern.empty()) options.check = fetch::match_pattern(pattern);
  } catch (const base::UsageError&) {
    return 0;
  }
  options.until.text = take_part(text);
  options.until.lines = text.size() % 4;
  if (text.empty()) return 0;
  const auto whole = received(options, text, text.size());
  fuzz::must_hold(text.starts_with(whole.bytes), "an answer is a beginning of what came");
  for (const std::size_t step : {1, 3, 7})
    fuzz::must_hold(received(options, text, step) == whole, "pieces make no difference");
  return 0;
}
