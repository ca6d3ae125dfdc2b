// Deadlines under every engine: nothing is early, and lateness does not add up. A session that is
// watched notes what it is asked and what it answers, so that no upper bound on time is needed.
#include <gtest/gtest.h>

#include <charconv>
#include <sstream>
#include <thread>

#include "session/poem.hpp"
#include "support/notes.hpp"
#include "support/rig.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

constexpr auto delay = 10ms;
constexpr int poem_lines = 20;

std::shared_ptr<session::Service> poem() {
  std::string text;
  for (int i = 0; i < poem_lines; ++i) text += "line\n";
  return std::make_shared<session::PoemService>(base::SealedText::copy(text),
                                                session::Pacing{.delay = delay});
}

/// A service that notes, in nanoseconds of the clock, "open NOW" and for each step "NOW UNTIL",
/// UNTIL being NOW where the step waits for no time.
struct Watched : session::Service {
  /// The step that comes late, by so much.
  static constexpr int late_step = 3;
  static constexpr auto late_by = 3 * delay;

  struct Watch : session::Session {
    Watch(std::unique_ptr<session::Session> its_session, const support::Notes& its_notes)
        : session(std::move(its_session)), notes(its_notes) {}
    session::Step next(base::TimePoint now) override {
      if (++steps == late_step) std::this_thread::sleep_for(late_by);
      const auto step = session->next(now);
      const auto* listen = std::get_if<session::Listen>(&step);
      const auto until = listen != nullptr ? listen->until : now;
      notes.add(text(now) + " " + text(until));
      return step;
    }
    void receive(std::string_view bytes) override { session->receive(bytes); }
    std::unique_ptr<session::Session> session;
    const support::Notes& notes;
    int steps = 0;
  };

  explicit Watched(const support::Notes& its_notes) : notes(its_notes) {}
  std::unique_ptr<session::Session> open(const session::Peer& peer, base::TimePoint now) override {
    notes.add("open " + text(now));
    return std::make_unique<Watch>(service->open(peer, now), notes);
  }
  static std::string text(base::TimePoint time) {
    return std::to_string(time.time_since_epoch().count());
  }

  std::shared_ptr<session::Service> service = poem();
  const support::Notes& notes;
};

class EveryEnginePaces : public testing::TestWithParam<std::string> {};

TEST_P(EveryEnginePaces, NoLineIsEarly) {
  support::Rig rig(GetParam(), poem());
  const auto start = base::Clock::now();  // before the server accepts, from when it counts
  const base::Fd client = support::connect_to(rig.address());
  std::string bytes;
  std::array<char, 64> buffer{};
  for (;;) {
    const auto result = net::receive_some(client.get(), buffer);
    const auto elapsed = base::Clock::now() - start;
    if (result.status != net::IoStatus::ok) {
      EXPECT_EQ(result.status, net::IoStatus::end);
      EXPECT_GE(elapsed, poem_lines * delay);
      break;
    }
    bytes.append(buffer.data(), result.bytes);
    const auto last = std::count(bytes.begin(), bytes.end(), '\n') - 1;
    EXPECT_GE(elapsed, last * delay) << "line " << last;
  }
  EXPECT_EQ(bytes.size(), poem_lines * 5U);
}

TEST_P(EveryEnginePaces, AStepThatComesLateMakesTheNextOnesNoLater) {
  support::Notes notes;
  support::Rig rig(GetParam(), std::make_shared<Watched>(notes));
  EXPECT_EQ(support::hear(support::connect_to(rig.address()).get()).bytes.size(), poem_lines * 5U);
  rig.tell(engine::Command::stop);

  const auto& noted = notes.read(1);  // all of it: the engine has ended
  const std::int64_t opened = std::stoll(noted.at(0).substr(5));
  std::int64_t awaited = opened;
  for (std::size_t i = 1; i < noted.size(); ++i) {
    std::int64_t now = 0;
    std::int64_t until = 0;
    std::istringstream(noted[i]) >> now >> until;
    EXPECT_GE(now, awaited) << "step " << i << " is early";
    if (until != now) {
      EXPECT_EQ((until - opened) % base::Duration(delay).count(), 0) << "after step " << i;
      EXPECT_LE(until, opened + poem_lines * base::Duration(delay).count());
    }
    awaited = until;
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEnginePaces, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace poetry::conformance
