// The poem service: a file's bytes, unchanged, a line at a time, each on its absolute deadline
// (session/pacing). The end comes one delay after the last line. A session that is late, or has no
// delay at all, sends all that is due in one piece.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sealed_text.hpp"
#include "session/pacing.hpp"
#include "session/session.hpp"

namespace poetry::session {

/// What all sessions of a poem share.
struct PacedText {
  std::shared_ptr<const base::SealedText> sealed;
  std::string_view text;  // all of it
  Pacing pacing;

  /// Whether anything is ever waited for but the start, or sent in pieces.
  [[nodiscard]] bool is_paced() const;
};

/// What a client gets that stays to the end, over all rounds.
struct PoemFacts {
  std::optional<std::uint64_t> bytes;  ///< absent where it goes on forever, or beyond all counting
  std::optional<std::uint64_t> lines;  ///< likewise; a last line without newline counts
  std::optional<std::string> sha256;   ///< likewise, and of max_hashed bytes at most
  base::Duration delay{0};             ///< from a line to the next
};

/// More than this takes longer to hash than anybody should wait for a catalog.
inline constexpr std::uint64_t max_hashed = std::uint64_t{1} << 30;

/// One that is part of the program, for a server without arguments.
struct BuiltinPoem {
  std::string_view name;   ///< as a file's, "ecstasy.txt"
  std::string_view bytes;  ///< for the life of the program
};

std::vector<BuiltinPoem> builtin_poems();

/// Safe to call from several threads: what clients see of it never changes.
class PoemService : public Service {
 public:
  PoemService(const std::shared_ptr<const base::SealedText>& text, const Pacing& pacing);
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override;
  /// The same text at another pace.
  [[nodiscard]] std::shared_ptr<PoemService> paced(const Pacing& pacing) const;
  /// Once they are known to this process or one that it was forked from or forked, see
  /// find_facts().
  [[nodiscard]] std::optional<PoemFacts> facts() const;
  /// Finds them out, which takes seconds for a large poem, unless `stopping` is set before. To be
  /// called by one thread.
  void find_facts(const std::atomic<bool>& stopping) const;

 private:
  struct SharedFacts;

  PacedText poem_;
  std::shared_ptr<SharedFacts> facts_;
};

}  // namespace poetry::session
