// The same seed, the same faults: a port's Nth connection gets the same bytes and the same end in
// every run and under every engine, which is also what a session alone says in virtual time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <ostream>

#include "base/seed.hpp"
#include "conformance/client.hpp"
#include "conformance/fault_cases.hpp"
#include "session/services.hpp"
#include "support/plan.hpp"
#include "support/rig.hpp"
#include "support/temporary_directory.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t connections = 24;
/// Nothing for so long is silence.
constexpr auto longest_gap = 5ms;
const std::string whole_poem = "first\nsecond\nthird\nfourth\n";
const std::string stall = "20%:stall-after=2lines";
const std::vector<std::string> faults{"30%:reset-after=7B", "40%:corrupt=3", stall};

/// What one connection got.
struct Got {
  std::string bytes;
  End end = End::silence;
  bool operator==(const Got&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Got& got) {
  return out << testing::PrintToString(got.bytes) << " then " << got.end;
}

std::shared_ptr<session::Service> faulty_poem(const faults::OnFired& on_fired) {
  const support::TemporaryDirectory directory;
  const auto spec = "poem:" + directory.write("poem", whole_poem) + ",delay=1ms,jitter=1ms";
  return faults::with_faults(session::make_service(session::parse_service(spec, {}), {}),
                             support::plan_of(faults), on_fired);
}

/// A session alone: time jumps to where it waits for.
Got play(session::Service& service, const session::Peer& peer) {
  base::TimePoint now{1h};
  const auto session = service.open(peer, now);
  for (Got got;;) {
    const auto step = session->next(now);
    if (const auto* write = std::get_if<session::Write>(&step)) {
      got.bytes += write->bytes;
    } else if (std::holds_alternative<session::Finish>(step) ||
               std::holds_alternative<session::Abort>(step)) {
      got.end = std::holds_alternative<session::Finish>(step) ? End::fin : End::reset;
      return got;
    } else {
      const auto* listen = std::get_if<session::Listen>(&step);
      now = listen != nullptr ? listen->until : std::get<session::Pause>(step).until;
      if (now == base::never) return got;
    }
  }
}

std::vector<Got> play_all(std::uint64_t seed) {
  const auto service = faulty_poem([](const faults::Fired&) {});
  std::vector<Got> all;
  for (std::uint64_t number = 1; number <= connections; ++number) {
    all.push_back(play(*service, {number, base::derive_seed(seed, number)}));
  }
  return all;
}

/// That the stream has ended in silence is known from the fault, which says after how many bytes it
/// does so.
Got fetch(Client& client, std::uint64_t number, support::Notes& notes) {
  const auto fired = std::to_string(number) + ": " + stall + " at ";
  for (;;) {
    for (const auto& note : notes.read()) {
      if (!note.starts_with(fired)) continue;
      client.hear(std::stoul(note.substr(fired.size())));
      client.hear_end(longest_gap);
      return {client.bytes(), client.end()};
    }
    std::array<pollfd, 2> asked{pollfd{client.socket(), POLLIN, 0}, pollfd{notes.fd(), POLLIN, 0}};
    const bool waits = ::poll(asked.data(), asked.size(), 10'000) <= 0;
    EXPECT_FALSE(waits) << "neither bytes nor an end";
    if (waits || (asked[0].revents != 0 && !client.hear())) return {client.bytes(), client.end()};
  }
}

std::vector<Got> fetch_all(const std::string& engine, std::uint64_t seed) {
  support::Notes notes;
  support::Rig rig(engine, faulty_poem(note_in(notes)), 0, 0s, seed);
  std::vector<Got> all;
  std::vector<Client> clients;
  for (std::uint64_t number = 1; number <= connections; ++number) {
    clients.emplace_back(rig.address(), "");
    all.push_back(fetch(clients.back(), number, notes));
  }
  return all;
}

class EveryEngineRepeats : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngineRepeats, TheFaultsOfASeed) {
  for (const std::uint64_t seed : {1, 2}) {
    const auto expected = play_all(seed);
    EXPECT_EQ(fetch_all(GetParam(), seed), expected);
    EXPECT_EQ(fetch_all(GetParam(), seed), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineRepeats, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

TEST(FaultsBySeed, DifferFromSeedToSeedAndHaveEveryEnd) {
  const auto all = play_all(1);
  EXPECT_NE(all, play_all(2));
  EXPECT_THAT(all, testing::Contains(Got{whole_poem, End::fin}));
  EXPECT_THAT(all, testing::Contains(testing::Field(&Got::end, End::reset)));
  EXPECT_THAT(all, testing::Contains(testing::Field(&Got::end, End::silence)));
  EXPECT_THAT(all, testing::Contains(testing::Field(
                       &Got::bytes, testing::StartsWith(std::string("fir\x8c", 4)))));
}

}  // namespace
}  // namespace poetry::conformance
