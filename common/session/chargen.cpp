// The character generator (RFC 864): lines of 72 printable ASCII characters without end, each of
// which begins one character later than the line before, paced like a poem's. What the client sends
// is thrown away as it comes; the stream goes on when the client half-closes.
#include <algorithm>
#include <atomic>

#include "base/seed.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

// The "popular pattern" of RFC 864.
constexpr char first_character = ' ';
constexpr std::size_t characters = 95;  // that ASCII can print, up to '~'
constexpr std::size_t line_length = 72;
constexpr std::size_t line_size = line_length + 2;      // with CR LF
constexpr std::size_t period = characters * line_size;  // then the stream begins again
constexpr std::size_t max_written = line_size * 885;    // whole lines, in 64 KiB

/// As much of the stream as the longest write at any place of the period is a part of.
std::string make_pattern() {
  std::string pattern;
  pattern.reserve(period + max_written);
  for (std::size_t line = 0; pattern.size() < period + max_written; ++line) {
    for (std::size_t column = 0; column < line_length; ++column) {
      pattern += static_cast<char>(first_character + (line + column) % characters);
    }
    pattern += "\r\n";
  }
  return pattern;
}

/// Listens before each write: until that is due, and where it is due already, for what is there.
/// All but the seed belong to the service, which outlives its sessions.
class ChargenSession : public Session {
 public:
  ChargenSession(std::string_view pattern, const Pacing& pacing, const std::atomic<bool>& draining,
                 base::TimePoint start, std::uint64_t seed)
      : pattern_(pattern),
        pacing_(pacing),
        draining_(draining),
        base_(base::later(start, pacing.first_delay)),
        seed_(seed) {}

  Step next(base::TimePoint now) override {
    if (draining_) return Finish{};
    if (const auto at = due(); at > now || !listened_) {
      listened_ = true;
      return Listen{at};
    }
    listened_ = false;
    return Write{pacing_.chunk == 0 ? take_lines(now) : take_chunk()};
  }

 private:
  [[nodiscard]] base::TimePoint due() const {
    const auto at = due_at(base_, pacing_, pieces_);
    return pacing_.jitter == base::Duration{0} ? at : jittered(at, pacing_.jitter, seed_, pieces_);
  }

  /// Lines that are due together go together.
  std::string_view take_lines(base::TimePoint now) {
    std::size_t size = 0;
    do {
      size += line_size;
      ++pieces_;
    } while (size < max_written && due() <= now);
    return take(size);
  }

  /// Chunks stay apart. A very large one takes several writes.
  std::string_view take_chunk() {
    const auto size = std::min<std::uint64_t>(max_written, pacing_.chunk - of_chunk_);
    of_chunk_ += size;
    if (of_chunk_ == pacing_.chunk) {
      of_chunk_ = 0;
      ++pieces_;
    }
    return take(static_cast<std::size_t>(size));
  }

  std::string_view take(std::size_t size) {
    const auto bytes = pattern_.substr(at_, size);
    at_ = (at_ + size) % period;
    return bytes;
  }

  std::string_view pattern_;
  const Pacing& pacing_;
  const std::atomic<bool>& draining_;
  base::TimePoint base_;  // when the first piece is due, but for jitter
  std::uint64_t seed_;
  std::uint64_t pieces_ = 0;    // lines or chunks, taken whole
  std::uint64_t of_chunk_ = 0;  // bytes taken of one that is not
  std::size_t at_ = 0;          // in the period
  bool listened_ = false;       // before the next write
};

/// Safe to call from several threads: all that changes is that it drains, an atomic.
class ChargenService : public Service {
 public:
  explicit ChargenService(const Pacing& pacing) : pacing_(paced_as(pacing, 1)) {}
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override {
    return std::make_unique<ChargenSession>(pattern_, pacing_, draining_, now,
                                            base::derive_seed(peer.seed, base::Purpose::jitter));
  }
  /// From now on a session finishes, wherever it is in its line.
  void drain() override { draining_ = true; }

 private:
  const Pacing pacing_;
  const std::string pattern_ = make_pattern();
  std::atomic<bool> draining_{false};
};

}  // namespace

ServiceKind chargen_kind() {
  return {.name = "chargen", .paced = Paced::yes, .make = [](const auto& spec, const Context&) {
            return std::make_shared<ChargenService>(spec.settings.pacing);
          }};
}

}  // namespace poetry::session
