#include "session/poem.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/seed.hpp"
#include "base/sha256.hpp"
#include "base/shared_memory.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

/// Bounds what one step looks through, so that one session of a large poem holds up no others.
constexpr std::size_t largest_write = std::size_t{1} << 20;

/// As small as it can be, since a server may hold very many. `poem` belongs to the service, which
/// outlives its sessions.
class PoemSession : public Session {
 public:
  PoemSession(const PacedText& poem, base::TimePoint start)
      : poem_(poem), base_(base::later(start, poem.pacing.first_delay)) {}

  Step next(base::TimePoint now) override {
    if (const auto at = due(); at > now) return Listen{at};
    if (done()) return Finish{};
    return Write{take(now)};
  }

 protected:
  /// When the next chunk or the end is due.
  [[nodiscard]] virtual base::TimePoint due() const { return due_at(base_, poem_.pacing, chunks_); }
  [[nodiscard]] const Pacing& pacing() const { return poem_.pacing; }
  [[nodiscard]] std::uint64_t chunks() const { return chunks_; }

 private:
  [[nodiscard]] bool done() const {
    const auto size = poem_.text.size();
    return size == 0 || (pacing().repeat != 0 && sent_ / size >= pacing().repeat);
  }

  /// What is due now, of one round, up to largest_write: at least a piece of a chunk.
  std::string_view take(base::TimePoint now) {
    const auto at = sent_ % poem_.text.size();
    const auto rest = poem_.text.substr(at);
    const auto window = rest.substr(0, largest_write);
    std::size_t size = 0;
    if (poem_.is_paced()) {
      do {
        size += take_chunk(window.substr(size), at + size);
        // Chunks of a chosen size stay apart, lines that are due together go together.
      } while (pacing().chunk == 0 && size < window.size() && due() <= now);
    } else {
      size = window.size();
    }
    sent_ += size;
    return rest.substr(0, size);
  }

  /// The size of the next chunk's rest, or of as much of it as `window` shows, which begins at
  /// `at`.
  std::size_t take_chunk(std::string_view window, std::size_t at) {
    std::size_t size = window.size();
    bool whole = false;
    if (pacing().chunk != 0) {
      const auto left = pacing().chunk - at % pacing().chunk;
      size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
      whole = size == left;
    } else if (const auto newline = window.find('\n'); newline != std::string_view::npos) {
      size = newline + 1;
      whole = true;
    }
    if (whole || at + size == poem_.text.size()) ++chunks_;
    return size;
  }

  const PacedText& poem_;
  base::TimePoint base_;      // when the first chunk is due, but for jitter
  std::uint64_t sent_ = 0;    // bytes, over all rounds
  std::uint64_t chunks_ = 0;  // sent whole, over all rounds; not counted where nothing is paced
};

class JitteredPoemSession : public PoemSession {
 public:
  JitteredPoemSession(const PacedText& poem, base::TimePoint start, std::uint64_t seed)
      : PoemSession(poem, start), seed_(seed) {}

 private:
  [[nodiscard]] base::TimePoint due() const override {
    return jittered(PoemSession::due(), pacing().jitter, seed_, chunks());
  }

  std::uint64_t seed_;
};

constexpr std::size_t block_size = 65536;

/// Raised where nobody wants the facts any more.
struct Stopped {};

/// Calls `take` for each block of the text.
template <typename Take>
void each_block(std::string_view text, const std::atomic<bool>& stopping, Take take) {
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), block_size))) {
    if (stopping) throw Stopped();
    take(text.substr(0, block_size));
  }
}

/// The digest of `text` over and over. A short one goes in blocks of many rounds.
base::Digest digest_of(std::string_view text, std::uint64_t rounds,
                       const std::atomic<bool>& stopping) {
  base::Sha256 digest;
  const auto update = [&digest](std::string_view block) { digest.update(block); };
  if (text.empty()) return digest.finish_digest();
  const auto of_several = std::clamp<std::uint64_t>(block_size / text.size(), 1, rounds);
  std::string several;
  for (std::uint64_t i = 1; of_several > 1 && i <= of_several; ++i) several += text;
  for (; rounds >= of_several; rounds -= of_several)
    each_block(of_several == 1 ? text : several, stopping, update);
  for (; rounds > 0; --rounds) update(text);
  return digest.finish_digest();
}

std::shared_ptr<const base::SealedText> builtin_poem(std::string_view name) {
  for (const auto& poem : builtin_poems())
    if (poem.name == name) return base::SealedText::copy(poem.bytes);
  throw base::UsageError("no built-in poem of this name", name);
}

/// Found out only where a duration has to be shared among them.
std::uint64_t pieces_of(std::string_view text, const Pacing& pacing) {
  if (pacing.duration == base::Duration{0} || text.empty()) return 1;
  if (pacing.chunk != 0) return (text.size() - 1) / pacing.chunk + 1;
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n')) + (text.back() == '\n' ? 0 : 1);
}

}  // namespace

struct PoemService::SharedFacts {
  std::atomic<bool> known{false};  // then all below is as it stays
  bool counted = false;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  base::Digest sha256{};
};

bool PacedText::is_paced() const {
  return pacing.delay != base::Duration{0} || pacing.jitter != base::Duration{0} ||
         pacing.chunk != 0;
}

PoemService::PoemService(const std::shared_ptr<const base::SealedText>& text, const Pacing& pacing)
    : poem_{text, text->bytes(), paced_as(pacing, pieces_of(text->bytes(), pacing))},
      facts_(base::make_shared_memory<SharedFacts>()) {}

std::shared_ptr<PoemService> PoemService::paced(const Pacing& pacing) const {
  return std::make_shared<PoemService>(poem_.sealed, pacing);
}

std::unique_ptr<Session> PoemService::open(const Peer& peer, base::TimePoint now) {
  if (poem_.pacing.jitter == base::Duration{0}) return std::make_unique<PoemSession>(poem_, now);
  const auto seed = base::derive_seed(peer.seed, base::Purpose::jitter);
  return std::make_unique<JitteredPoemSession>(poem_, now, seed);
}

std::optional<PoemFacts> PoemService::facts() const {
  const auto& known = *facts_;
  if (!known.known) return std::nullopt;
  PoemFacts facts;
  facts.delay = poem_.pacing.delay / poem_.pacing.per_delay;
  if (known.counted) facts.bytes = known.bytes;
  if (known.counted) facts.lines = known.lines;
  if (known.counted && known.bytes <= max_hashed) facts.sha256 = base::to_hex(known.sha256);
  return facts;
}

/// Published when all is found: several processes may find out the same.
void PoemService::find_facts(const std::atomic<bool>& stopping) const {
  auto& facts = *facts_;
  if (facts.known) return;
  const auto text = poem_.text;
  const auto rounds = text.empty() ? 1 : poem_.pacing.repeat;  // an empty poem ends at once
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  const bool counted = rounds != 0 && !__builtin_mul_overflow(text.size(), rounds, &bytes);
  try {
    if (counted) {
      each_block(text, stopping, [&lines](std::string_view block) {
        lines += static_cast<std::uint64_t>(std::ranges::count(block, '\n'));
      });
      facts.lines = lines * rounds + (!text.empty() && text.back() != '\n' ? 1 : 0);
      facts.bytes = bytes;
      if (bytes <= max_hashed) facts.sha256 = digest_of(text, rounds, stopping);
    }
    facts.counted = counted;
    facts.known = true;
  } catch (const Stopped&) {
    return;
  }
}

ServiceKind poem_kind() {
  return {.name = "poem",
          .argument = "FILE",
          .paced = Paced::repeated,
          .answers = true,
          .make = [](const ServiceSpec& spec, const Context& context) {
            return std::make_shared<PoemService>(
                spec.argument.empty() ? builtin_poem(spec.name)
                                      : base::SealedText::read(spec.argument, context.max_poem),
                spec.settings.pacing);
          }};
}

}  // namespace poetry::session
