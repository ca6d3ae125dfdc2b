#include <algorithm>
#include <utility>

#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

using Unit = Fault::Unit;

/// Whether it waits for a time that is to come.
bool has_time(const session::Step& step, base::TimePoint now) {
  const auto* listen = std::get_if<session::Listen>(&step);
  const auto* pause = std::get_if<session::Pause>(&step);
  const auto until = listen != nullptr ? listen->until : pause != nullptr ? pause->until : now;
  return until > now && until != base::never;
}

class Cutter : public Decorator {
 public:
  Cutter(SessionPtr inner, const Trigger& trigger)
      : Decorator(std::move(inner), trigger), left_(fault().amount) {}

  session::Step next(base::TimePoint now) override {
    if (state_ == State::fresh) {
      state_ = State::before;
      until_ = base::later(now, fault().by);
    }
    if (state_ == State::holding && until_ <= now) state_ = State::over;
    if (state_ == State::holding) return session::Pause{until_};
    if (state_ == State::over) return go_on(now);
    const bool reached =
        fault().unit == Unit::time ? until_ <= now : left_ == 0 && fault().amount > 0;
    return reached ? cut(now) : cut_where_due(inner().next(now), now);
  }

 private:
  enum class State { fresh, before, holding, over };

  /// The step that the inner session says, as far as it comes before the point.
  session::Step cut_where_due(session::Step step, base::TimePoint now) {
    if (auto* write = std::get_if<session::Write>(&step)) {
      const auto before = take(write->bytes);
      rest_ = write->bytes.substr(before.size());
      if (fault().unit != Unit::time && left_ == 0 && before.empty()) return cut(now);
      sent_ += before.size();
      return session::Write{before};
    }
    // A point at 0 bytes is where the stream would begin, if that has a time.
    if (fault().unit != Unit::time) return left_ == 0 && !has_time(step, now) ? cut(now) : step;
    if (auto* listen = std::get_if<session::Listen>(&step)) {
      listen->until = std::min(listen->until, until_);
    } else if (auto* pause = std::get_if<session::Pause>(&step)) {
      paused_until_ = pause->until;
      pause->until = std::min(pause->until, until_);
    }
    return step;
  }

  /// As much as comes before the point.
  std::string_view take(std::string_view bytes) {
    if (fault().unit == Unit::time) return bytes;
    if (fault().unit == Unit::bytes) {
      const auto before = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), left_));
      left_ -= before.size();
      return before;
    }
    std::size_t size = 0;
    while (left_ > 0) {
      const auto newline = bytes.find('\n', size);
      if (newline == std::string_view::npos) return bytes;
      size = newline + 1;
      --left_;
    }
    return bytes.substr(0, size);
  }

  session::Step cut(base::TimePoint now) {
    trigger().fire(sent_);
    until_ = base::later(now, fault().hold);
    state_ = until_ <= now ? State::over : State::holding;
    return state_ == State::over ? go_on(now) : session::Pause{until_};
  }

  /// Behind the point.
  session::Step go_on(base::TimePoint now) {
    if (fault().last) return *fault().last;
    if (!rest_.empty()) return session::Write{std::exchange(rest_, {})};
    if (paused_until_ > now) return session::Pause{paused_until_};
    return inner().next(now);
  }

  State state_ = State::fresh;
  base::TimePoint until_ =
      base::never;                  ///< the point, where that is a time; then the end of a hold
  base::TimePoint paused_until_{};  ///< the inner session is, and not asked before
  std::uint64_t left_;              ///< bytes or newlines
  std::uint64_t sent_ = 0;
  std::string_view rest_;  ///< of the inner session's Write, behind the point
};

}  // namespace

SessionPtr cut_stream(SessionPtr inner, const Trigger& trigger) {
  return std::make_unique<Cutter>(std::move(inner), trigger);
}

}  // namespace poetry::faults
