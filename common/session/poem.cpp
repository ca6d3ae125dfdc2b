#include "session/poem.hpp"

#include <algorithm>

#include "base/seed.hpp"

#include "base/sha256.hpp"

namespace poetry {
namespace {

/// Bounds what one step looks through, so that one session of a large poem holds up no others.
constexpr std::size_t largest_write = std::size_t{1} << 20;

/// Earlier or later, or `never` where that leaves the clock's range.
TimePoint moved(TimePoint at, Duration by) {
  if (at == never) return never;
  return by < Duration{0} ? at + by : later(at, by);
}

class PoemSession : public Session {
 public:
  /// `text` and `pacing` belong to the service, which outlives its sessions.
  PoemSession(std::string_view text, const Pacing& pacing, std::uint64_t seed, TimePoint start)
      : text_(text), pacing_(pacing), base_(later(start, pacing.first_delay)), seed_(seed) {}

  Step next(TimePoint now) override {
    if (const auto at = due(); at > now) return Listen{at};
    if (done()) return Finish{};
    return Write{take(now)};
  }

 private:
  [[nodiscard]] bool done() const {
    return text_.empty() || (pacing_.repeat != 0 && rounds_ >= pacing_.repeat);
  }

  /// When the next chunk or the end is due. With jitter that may be before the start or the chunk
  /// before it; it is then sent at once, so that the order is kept. It follows from the seed and
  /// the number of chunks alone: a session that is late keeps the times that it would have kept.
  [[nodiscard]] TimePoint due() const {
    const auto exact = later(base_, pacing_.delay, sent_);
    if (pacing_.jitter == Duration{0}) return exact;
    const auto part = 2 * uniform(seed_, sent_) - 1;
    const auto by = part * static_cast<double>(pacing_.jitter.count());
    return moved(exact, Duration(static_cast<Duration::rep>(by)));
  }

  /// What is due now, of one round, up to largest_write: at least a piece of a chunk.
  std::string_view take(TimePoint now) {
    const auto rest = text_.substr(at_);
    std::size_t size = 0;
    do {
      size += take_chunk(rest.substr(size, largest_write - size));
      // Chunks of a chosen size stay apart, lines that are due together go together.
    } while (pacing_.chunk == 0 && size < std::min(rest.size(), largest_write) && due() <= now);
    at_ += size;
    if (at_ == text_.size()) {
      at_ = 0;
      ++rounds_;
    }
    return rest.substr(0, size);
  }

  /// The size of the next chunk's rest, or of as much of it as `window` shows.
  std::size_t take_chunk(std::string_view window) {
    std::size_t size = window.size();
    bool whole = false;
    if (pacing_.chunk != 0) {
      const auto left = pacing_.chunk - chunk_sent_;
      size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
      whole = size == left;
    } else if (const auto newline = window.find('\n'); newline != std::string_view::npos) {
      size = newline + 1;
      whole = true;
    }
    const bool last = window.data() + size == text_.data() + text_.size();
    if (!whole && !last) {
      chunk_sent_ += size;
      return size;
    }
    chunk_sent_ = 0;
    ++sent_;
    return size;
  }

  std::string_view text_;
  const Pacing& pacing_;
  TimePoint base_;  ///< when the first chunk is due, but for jitter
  std::uint64_t seed_;
  std::size_t at_ = 0;
  std::uint64_t sent_ = 0;        ///< chunks sent whole, over all rounds
  std::uint64_t rounds_ = 0;      ///< rounds sent whole
  std::uint64_t chunk_sent_ = 0;  ///< bytes of the chunk under way
};

/// The digest of `text` over and over. A short one goes in blocks of many rounds.
std::string sha256_of(std::string_view text, std::uint64_t rounds) {
  constexpr std::size_t block_size = 65536;
  const auto block_rounds = std::clamp<std::uint64_t>(block_size / text.size(), 1, rounds);
  std::string block;
  if (block_rounds > 1) {
    for (std::uint64_t i = 0; i < block_rounds; ++i) block += text;
  }
  Sha256 digest;
  for (; rounds >= block_rounds; rounds -= block_rounds)
    digest.update(block.empty() ? text : block);
  digest.update(std::string_view(block).substr(0, rounds * text.size()));
  return digest.finish();
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
    facts.sha256 = Sha256().finish();
  } else if (bytes <= most_hashed) {
    facts.sha256 = sha256_of(text, rounds);
  }
  return facts;
}

}  // namespace

PoemService::PoemService(std::shared_ptr<const SealedText> text, const Pacing& pacing)
    : text_(std::move(text)), pacing_(pacing) {}

std::unique_ptr<Session> PoemService::open(const Peer& peer, TimePoint now) {
  const auto seed = derive_seed(peer.seed, Purpose::jitter);
  return std::make_unique<PoemSession>(text_->bytes(), pacing_, seed, now);
}

const PoemFacts& PoemService::facts() const {
  std::call_once(facts_once_, [this] { facts_ = find_facts(text_->bytes(), pacing_); });
  return facts_;
}

}  // namespace poetry
