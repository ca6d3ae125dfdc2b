// What one attempt receives: how much it is, where it ends, and whether it is what was wanted.
// Owned by a fetch, whose record has the counts; knows no time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/end_mark.hpp"
#include "base/sha256.hpp"
#include "fetch/fetch_options.hpp"
#include "fetch/record.hpp"

namespace poetry::fetch {

class Answer {
 public:
  /// Borrows both; nothing is expected where the second is null.
  Answer(const FetchOptions& options, const Expected* expected);

  /// Counts those of the bytes, which are never none, that belong to it, and returns them: all but
  /// what goes beyond max_bytes or an end mark.
  std::string_view take(std::string_view bytes, Record& record);
  /// Whether an end mark has come.
  [[nodiscard]] bool marked_whole() const { return marked_whole_; }

  struct Verdict {
    Outcome outcome = Outcome::ok;
    std::string what;  ///< why it is not ok
  };
  /// Of an answer that is whole; the record gets its digest. Call it once, or ended().
  Verdict whole(Record& record);
  /// Of an answer that the server has ended.
  Verdict ended(Record& record);

 private:
  const FetchOptions* options_;
  const Expected* expected_;
  base::EndMark end_mark_;
  bool marked_whole_ = false;
  char last_byte_ = '\n';
  std::string beginning_;               // where it is to be checked
  std::optional<base::Sha256> digest_;  // where it is asked for
};

}  // namespace poetry::fetch
