#include "session/poem.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/seed.hpp"
#include "base/sha256.hpp"
#include "session/builtin_poems.hpp"
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
  [[nodiscard]] virtual base::TimePoint due() const {
    return base::later(base_, poem_.pacing.delay, chunks_);
  }
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

/// The digest of `text` over and over. A short one goes in blocks of many rounds.
std::string sha256_of(std::string_view text, std::uint64_t rounds) {
  constexpr std::size_t block_size = 65536;
  const auto block_rounds = std::clamp<std::uint64_t>(block_size / text.size(), 1, rounds);
  std::string block;
  if (block_rounds > 1) {
    for (std::uint64_t i = 0; i < block_rounds; ++i) block += text;
  }
  base::Sha256 digest;
  for (; rounds >= block_rounds; rounds -= block_rounds)
    digest.update(block.empty() ? text : block);
  digest.update(std::string_view(block).substr(0, rounds * text.size()));
  return digest.finish();
}

std::shared_ptr<const base::SealedText> builtin_poem(std::string_view name) {
  for (const auto& poem : builtin_poems()) {
    if (poem.name == name) return base::SealedText::copy(poem.bytes);
  }
  throw base::UsageError("no built-in poem of this name", name);
}

PoemFacts find_facts(std::string_view text, const Pacing& pacing) {
  PoemFacts facts;
  facts.delay = pacing.delay;
  const auto rounds = text.empty() ? 1 : pacing.repeat;  // an empty poem ends at once in any case
  std::uint64_t bytes = 0;
  if (rounds == 0 || __builtin_mul_overflow(text.size(), rounds, &bytes)) return facts;
  facts.bytes = bytes;
  const auto newlines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  const bool open_line = !text.empty() && text.back() != '\n';
  facts.lines = newlines * rounds + (open_line ? 1 : 0);
  if (text.empty()) {
    facts.sha256 = base::Sha256().finish();
  } else if (bytes <= max_hashed) {
    facts.sha256 = sha256_of(text, rounds);
  }
  return facts;
}

}  // namespace

bool PacedText::is_paced() const {
  return pacing.delay != base::Duration{0} || pacing.jitter != base::Duration{0} ||
         pacing.chunk != 0;
}

PoemService::PoemService(const std::shared_ptr<const base::SealedText>& text, const Pacing& pacing)
    : poem_{text, text->bytes(), pacing} {}

std::unique_ptr<Session> PoemService::open(const Peer& peer, base::TimePoint now) {
  if (poem_.pacing.jitter == base::Duration{0}) return std::make_unique<PoemSession>(poem_, now);
  const auto seed = base::derive_seed(peer.seed, base::Purpose::jitter);
  return std::make_unique<JitteredPoemSession>(poem_, now, seed);
}

const PoemFacts& PoemService::facts() const {
  std::call_once(facts_once_, [this] { facts_ = find_facts(poem_.text, poem_.pacing); });
  return facts_;
}

ServiceKind poem_kind() {
  return {.name = "poem",
          .argument = "FILE",
          .paced = Paced::repeated,
          .make = [](const ServiceSpec& spec, const Context&) {
            return std::make_shared<PoemService>(spec.argument.empty()
                                                     ? builtin_poem(spec.name)
                                                     : base::SealedText::read(spec.argument),
                                                 spec.settings.pacing);
          }};
}

}  // namespace poetry::session
