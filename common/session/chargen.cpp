// The character generator (RFC 864): lines of 72 printable ASCII characters without end, each of
// which begins one character later than the line before, paced like a poem's. What the client sends
// is thrown away as it comes; the stream goes on when the client half-closes. So it is with a poem
// of random lines, which are each client's own.
#include <algorithm>
#include <utility>

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
    for (std::size_t column = 0; column < line_length; ++column)
      pattern += static_cast<char>(first_character + (line + column) % characters);
    pattern += "\r\n";
  }
  return pattern;
}

/// Where the characters come from: pieces are added to what begin() leaves empty, and bytes() is
/// all of them, valid until begin().
class Pattern {
 public:
  Pattern(std::string_view pattern, std::uint64_t /*seed*/) : pattern_(pattern) {}

  void begin() {
    at_ = (at_ + size_) % period;
    size_ = 0;
  }
  void add_line() { size_ += line_size; }
  void add_bytes(std::size_t size) { size_ += size; }
  [[nodiscard]] std::string_view bytes() const { return pattern_.substr(at_, size_); }

 private:
  std::string_view pattern_;
  std::size_t at_ = 0;  // in the period
  std::size_t size_ = 0;
};

/// Lines of random length and characters. None begins as an SSH server's identification would
/// (RFC 4253, section 4.2), so that one may send them before it.
class RandomLines {
 public:
  RandomLines(std::string_view /*pattern*/, std::uint64_t seed)
      : seed_(base::derive_seed(seed, base::Purpose::text)) {}

  void begin() { text_.erase(0, std::exchange(size_, 0)); }
  void add_line() {
    if (size_ == text_.size()) make_line();
    size_ = text_.find('\n', size_) + 1;
  }
  void add_bytes(std::size_t size) {
    size_ += size;
    while (text_.size() < size_) make_line();
  }
  [[nodiscard]] std::string_view bytes() const { return std::string_view(text_).substr(0, size_); }

 private:
  void make_line() {
    auto length = shortest_line + draw() % (longest_line - shortest_line + 1);
    const auto at = text_.size();
    for (; length > 0; --length) text_ += static_cast<char>(first_character + draw() % characters);
    if (text_[at] == 'S') text_[at] = 's';
    text_ += "\r\n";
  }
  std::uint64_t draw() { return base::derive_seed(seed_, drawn_++); }

  static constexpr std::size_t shortest_line = 3;
  static constexpr std::size_t longest_line = 32;

  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
  std::string text_;      // what is taken, and what was made beyond that
  std::size_t size_ = 0;  // of what is taken
};

/// Listens before each write: until that is due, and where it is due already, for what is there.
/// It finishes wherever it is in its line. All but the seed belong to the service, which outlives
/// its sessions.
template <typename Source>
class EndlessSession : public Session {
 public:
  EndlessSession(std::string_view pattern, const Pacing& pacing, const std::atomic<bool>& draining,
                 base::TimePoint start, std::uint64_t seed)
      : source_(pattern, seed),
        pacing_(pacing),
        draining_(draining),
        base_(base::later(start, pacing.first_delay)),
        seed_(base::derive_seed(seed, base::Purpose::jitter)) {}

  Step next(base::TimePoint now) override {
    if (draining_) return Finish{};
    if (const auto at = due(); at > now || !listened_) {
      listened_ = true;
      return Listen{at};
    }
    listened_ = false;
    source_.begin();
    if (pacing_.chunk == 0) {
      do {  // lines that are due together go together
        source_.add_line();
        ++pieces_;
      } while (source_.bytes().size() < max_written && due() <= now);
    } else {  // chunks stay apart, and a very large one takes several writes
      const auto size = std::min<std::uint64_t>(max_written, pacing_.chunk - of_chunk_);
      of_chunk_ = (of_chunk_ + size) % pacing_.chunk;
      if (of_chunk_ == 0) ++pieces_;
      source_.add_bytes(static_cast<std::size_t>(size));
    }
    return Write{source_.bytes()};
  }

 private:
  [[nodiscard]] base::TimePoint due() const {
    const auto at = due_at(base_, pacing_, pieces_);
    return pacing_.jitter == base::Duration{0} ? at : jittered(at, pacing_.jitter, seed_, pieces_);
  }

  Source source_;
  const Pacing& pacing_;
  const std::atomic<bool>& draining_;
  base::TimePoint base_;  // when the first piece is due, but for jitter
  std::uint64_t seed_;
  std::uint64_t pieces_ = 0;    // lines or chunks, taken whole
  std::uint64_t of_chunk_ = 0;  // bytes taken of one that is not
  bool listened_ = false;       // before the next write
};

template <typename Source>
std::shared_ptr<Service> make_endless(const Pacing& given, std::string all) {
  return service_of([pacing = paced_as(given, 1), pattern = std::move(all)](
                        const Peer& peer, base::TimePoint now, const auto& draining) {
    return std::make_unique<EndlessSession<Source>>(pattern, pacing, draining, now, peer.seed);
  });
}

}  // namespace

ServiceKind chargen_kind() {
  return {.name = "chargen", .paced = Paced::yes, .make = [](const auto& spec, const Context&) {
            return make_endless<Pattern>(spec.settings.pacing, make_pattern());
          }};
}

ServiceKind random_kind() {
  return {.name = "poem",
          .argument = "FILE",
          .word = "random",
          .paced = Paced::yes,
          .answers = true,
          .make = [](const auto& spec, const Context&) {
            return make_endless<RandomLines>(spec.settings.pacing, {});
          }};
}

}  // namespace poetry::session
