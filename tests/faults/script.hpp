// A service that plays a script and checks that whoever calls it keeps the contract of sessions,
// and a client in virtual time that plays any service to its end.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "faults/fault_spec.hpp"
#include "session/poem.hpp"
#include "support/plan.hpp"

namespace poetry::rehearsal {

using Texts = std::vector<std::string>;
using Times = std::vector<base::Duration>;

constexpr base::TimePoint start{std::chrono::hours(5)};

/// One line of a script.
struct Act {
  enum class What { write, wait, listen, look, finish, abort };
  What what = What::finish;
  std::string bytes = {};  ///< to write
  base::Duration at{0};    ///< to wait until, since the session's start
};
inline Act writes(std::string bytes) { return {Act::What::write, std::move(bytes)}; }
inline Act waits(base::Duration at) { return {Act::What::wait, {}, at}; }
inline const Act listens{Act::What::listen};  ///< until there is input
inline const Act looks{Act::What::look};      ///< listens for no time
inline const Act finishes{Act::What::finish};
inline const Act aborts{Act::What::abort};

struct Script : session::Service {
  explicit Script(std::vector<Act> its_acts) : acts(std::move(its_acts)) {}

  std::unique_ptr<session::Session> open(const session::Peer& peer, base::TimePoint now) override {
    auto player = std::make_unique<Player>(*this, now);
    opened = {player.get(), peer.number, now - start};
    handed_out = 0;
    sent = 0;
    return player;
  }
  session::Refresh refresh(base::TimePoint now) override {
    return {base::later(now, std::chrono::seconds(9)), true, 7};
  }
  void drain() override { ++drained; }

  struct Opened {
    const session::Session* session = nullptr;
    std::uint64_t number = 0;
    base::Duration at{0};
  };
  std::vector<Act> acts;
  Opened opened;               ///< the last one
  std::size_t handed_out = 0;  ///< bytes of its Writes
  std::size_t sent = 0;        ///< of these, as the client tells
  std::string received;
  int drained = 0;

  class Player : public session::Session {
   public:
    Player(Script& script, base::TimePoint opened) : script_(script), start_(opened) {}
    ~Player() override { spoil(); }

    session::Step next(base::TimePoint now) override {
      EXPECT_GE(now, start_);
      EXPECT_EQ(script_.sent, script_.handed_out) << "asked for more before the last was out";
      spoil();
      listening_ = false;
      for (; at_ < script_.acts.size(); ++at_) {
        const auto& act = script_.acts[at_];
        if (act.what == Act::What::wait) {
          if (start_ + act.at > now) return listen(start_ + act.at);
        } else if (act.what == Act::What::listen) {
          if (!heard_) return listen(base::never);
          heard_ = false;
        } else if (act.what == Act::What::look) {
          looked_ = !looked_;
          if (looked_) return listen(now);
        } else if (act.what == Act::What::write) {
          ++at_;
          bytes_ = act.bytes;
          script_.handed_out += bytes_.size();
          return session::Write{bytes_};
        } else {
          break;
        }
      }
      if (at_ < script_.acts.size() && script_.acts[at_].what == Act::What::abort)
        return session::Abort{};
      return session::Finish{};
    }
    void receive(std::string_view bytes) override {
      EXPECT_TRUE(listening_) << "spoken to while it does not listen, or twice";
      spoil();
      listening_ = false;
      heard_ = script_.acts.at(at_).what == Act::What::listen;
      script_.received += bytes;
    }

   private:
    session::Step listen(base::TimePoint until) {
      listening_ = true;
      return session::Listen{until};
    }
    /// What a Write pointed to is valid no more.
    void spoil() { std::fill(bytes_.begin(), bytes_.end(), '?'); }

    Script& script_;
    base::TimePoint start_;
    std::size_t at_ = 0;
    std::string bytes_;
    bool listening_ = false;
    bool heard_ = false;
    bool looked_ = false;
  };
};

/// How a stream ended, as the client sees it; silent is a pause without end.
enum class End { complete, fault, reset, silent, none };

/// What a client saw.
struct Seen {
  std::string bytes;
  Times times;  ///< of each byte
  Texts writes;
  End end = End::none;
  base::Duration ended{-1};
  std::vector<std::pair<std::string, std::uint64_t>> fired;  ///< fault and offset
};

using FiredList = decltype(Seen::fired);

/// Collects what fires; outlives the service that it is given to.
struct Firings {
  FiredList list;
  [[nodiscard]] faults::OnFired note() {
    return [this](const faults::Fired& fired) { list.emplace_back(fired.fault, fired.offset); };
  }
};

/// Plays one connection. A session that listens without end or for no time is sent one byte; one
/// that listens for a time is at times sent one halfway. `script`, if given, is told what was sent.
inline Seen play(session::Service& service, const session::Peer& peer, Script* script = nullptr,
                 std::size_t max_steps = 100'000) {
  Seen seen;
  auto now = start;
  const auto session = service.open(peer, now);
  const auto ends = [&](End end) {
    seen.end = end;
    seen.ended = now - start;
  };
  for (std::size_t steps = 0; seen.end == End::none; ++steps) {
    if (steps == max_steps) {
      ADD_FAILURE() << "no end after " << steps << " steps";
      break;
    }
    const auto step = session->next(now);
    if (const auto* write = std::get_if<session::Write>(&step)) {
      seen.bytes += write->bytes;
      seen.times.insert(seen.times.end(), write->bytes.size(), now - start);
      seen.writes.emplace_back(write->bytes);
      if (script != nullptr) script->sent += write->bytes.size();
    } else if (const auto* listen = std::get_if<session::Listen>(&step)) {
      if (script == nullptr) {
        EXPECT_GT(listen->until, now);
      }
      if (listen->until == base::never) {
        session->receive("i");
      } else if (listen->until <= now) {
        session->receive("n");
      } else if (steps % 3 == 0) {
        now += (listen->until - now) / 2;
        session->receive("h");
      } else {
        now = listen->until;
      }
    } else if (const auto* pause = std::get_if<session::Pause>(&step)) {
      if (pause->until == base::never) {
        ends(End::silent);
      } else {
        EXPECT_GT(pause->until, now);
        now = pause->until;
      }
    } else if (const auto* finish = std::get_if<session::Finish>(&step)) {
      ends(finish->ending == session::Ending::fault ? End::fault : End::complete);
    } else {
      ends(End::reset);
    }
  }
  return seen;
}

/// Plays the script as the port's `number`th connection would see it.
inline Seen play_script(std::vector<Act> acts, const Texts& faults, std::uint64_t number = 1) {
  const auto script = std::make_shared<Script>(std::move(acts));
  Firings firings;
  const auto service = faults::with_faults(script, support::plan_of(faults), firings.note());
  auto seen = play(*service, {number}, script.get());
  seen.fired = firings.list;
  return seen;
}

inline const std::string verse = "a\nb\nc\nd\n";

inline Seen play_poem(const Texts& faults, const session::Pacing& pacing = {},
                      const std::string& text = verse) {
  Firings firings;
  const auto service = faults::with_faults(
      std::make_shared<session::PoemService>(base::SealedText::copy(text), pacing),
      support::plan_of(faults), firings.note());
  auto seen = play(*service, {1});
  seen.fired = firings.list;
  return seen;
}

}  // namespace poetry::rehearsal
