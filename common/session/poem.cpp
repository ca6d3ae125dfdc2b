#include "session/poem.hpp"

#include <algorithm>

namespace poetry {
namespace {

/// Bounds what one step looks through, so that one session of a large poem holds up no others.
constexpr std::size_t largest_write = std::size_t{1} << 20;

class PoemSession : public Session {
 public:
  /// `text` and `pacing` belong to the service, which outlives its sessions.
  PoemSession(std::string_view text, const Pacing& pacing, TimePoint start)
      : text_(text), pacing_(pacing), base_(later(start, pacing.first_delay)) {}

  Step next(TimePoint now) override {
    const auto due = in_line_ ? now : later(base_, pacing_.delay, sent_);
    if (due > now) return Listen{due};
    if (done()) return Finish{};
    return Write{take(now)};
  }

 private:
  [[nodiscard]] bool done() const {
    return text_.empty() || (pacing_.repeat != 0 && rounds_ >= pacing_.repeat);
  }

  /// What is due now, of one round, up to largest_write: at least a piece of a chunk.
  std::string_view take(TimePoint now) {
    const auto rest = text_.substr(at_);
    std::size_t size = 0;
    do {
      size += take_chunk(rest.substr(size, largest_write - size));
      // Chunks of a chosen size stay apart, lines that are due together go together.
    } while (pacing_.chunk == 0 && size < std::min(rest.size(), largest_write) &&
             later(base_, pacing_.delay, sent_) <= now);
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
    in_line_ = !whole && !last;
    chunk_sent_ = in_line_ ? chunk_sent_ + size : 0;
    if (!in_line_) ++sent_;
    return size;
  }

  std::string_view text_;
  const Pacing& pacing_;
  TimePoint base_;
  std::size_t at_ = 0;
  std::uint64_t sent_ = 0;        ///< chunks sent whole, over all rounds
  std::uint64_t rounds_ = 0;      ///< rounds sent whole
  std::uint64_t chunk_sent_ = 0;  ///< bytes of the chunk under way
  bool in_line_ = false;          ///< a chunk is under way
};

}  // namespace

PoemService::PoemService(std::shared_ptr<const SealedText> text, const Pacing& pacing)
    : text_(std::move(text)), pacing_(pacing) {}

std::unique_ptr<Session> PoemService::open(const Peer& /*peer*/, TimePoint now) {
  return std::make_unique<PoemSession>(text_->bytes(), pacing_, now);
}

}  // namespace poetry
