// A session that always has something to write reads as well, under every engine and through every
// fault that stands around it: what its peer sends, in order and whole, its end, and its reset.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "faults/fault_spec.hpp"
#include "support/plan.hpp"
#include "support/rig.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

/// What a client sends where all of it matters: no power of two is its period, so a shift shows.
char byte_at(std::size_t offset) { return static_cast<char>(offset % 251); }

/// Writes one piece after another, and before each listens for no time; says at the end what it has
/// heard. Each session has a copy of the script.
struct Talker : session::Service {
  struct Script {
    std::size_t min = 0;         ///< pieces to write
    std::string last_words;      ///< input at which it ends all the same; none: the peer's FIN
    std::size_t piece = 16'384;  ///< bytes of one
  };
  struct Talk : session::Session {
    explicit Talk(const Script& its_script) : script(its_script) {}
    session::Step next(base::TimePoint now) override {
      if (said) return session::Finish{};
      const bool told = script.last_words.empty() ? fins > 0 : heard == script.last_words;
      if (written >= script.min && told && listened) {
        said = true;
        piece = summary();
        return session::Write{piece};
      }
      listened = !listened;
      if (listened) return session::Listen{now};
      piece.assign(script.piece, fins > 0 ? 'b' : 'a');
      ++written;
      return session::Write{piece};
    }
    void receive(std::string_view bytes) override {
      if (bytes.empty()) ++fins;
      for (const char byte : bytes) in_order = byte == byte_at(size++) && in_order;
      if (heard.size() <= script.last_words.size()) heard += bytes;
    }
    [[nodiscard]] std::string summary() const {
      return "\n" + std::to_string(size) + (in_order ? " bytes in order, " : " bytes, ") +
             std::to_string(fins) + " FIN\n";
    }
    Script script;
    std::string piece;
    std::string heard;
    std::size_t size = 0;
    std::size_t written = 0;
    int fins = 0;
    bool in_order = true;
    bool listened = false;
    bool said = false;
  };

  explicit Talker(Script its_script) : script(std::move(its_script)) {}
  std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                         base::TimePoint /*now*/) override {
    return std::make_unique<Talk>(script);
  }
  Script script;
};

std::string last_line(const std::string& text) {
  const auto newline = text.find_last_of('\n', text.size() - 2);
  return newline == std::string::npos ? text : text.substr(newline + 1);
}

/// Reads until the talker has heard the FIN, or the stream ends.
void hear_of_fin(int socket) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto result = net::receive_some(socket, buffer);
    ASSERT_EQ(result.status, net::IoStatus::ok);
    if (std::string_view(buffer.data(), result.bytes).find('b') != std::string_view::npos) return;
  }
}

class EveryEngineListens : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngineListens, ToAWordInTheMiddleOfAStream) {
  support::Rig rig(GetParam(), std::make_shared<Talker>(Talker::Script{3, "stop"}));
  const base::Fd client = support::connect_to(rig.address());
  std::array<char, 4096> buffer{};
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(net::receive_some(client.get(), buffer).status, net::IoStatus::ok);
  net::send_some(client.get(), "stop");
  const auto heard = support::hear(client.get());
  EXPECT_EQ(heard.ended.status, net::IoStatus::end);
  EXPECT_EQ(last_line(heard.bytes), "4 bytes, 0 FIN\n");
}

TEST_P(EveryEngineListens, ToAFinOnceAndWritesOn) {
  support::Rig rig(GetParam(), std::make_shared<Talker>(Talker::Script{200, ""}));
  const base::Fd client = support::connect_to(rig.address());
  net::half_close(client.get());
  const auto heard = support::hear(client.get());
  EXPECT_EQ(heard.ended.status, net::IoStatus::end);
  EXPECT_GE(heard.bytes.size(), 200U * 16'384);
  EXPECT_EQ(last_line(heard.bytes), "0 bytes in order, 1 FIN\n");
}

TEST_P(EveryEngineListens, AndNoticesAResetInTheMiddleOfAStream) {
  support::Rig rig(GetParam(), std::make_shared<Talker>(Talker::Script{0, "never said"}));
  base::Fd client = support::connect_to(rig.address());
  support::hear_first_line(client.get());
  net::reset_on_close(client.get());
  client.reset();
  EXPECT_EQ(rig.reasons(1), std::vector{engine::Reason::peer_reset});
}

TEST_P(EveryEngineListens, AndNoticesAResetBehindAFin) {
  support::Rig rig(GetParam(), std::make_shared<Talker>(Talker::Script{0, "never said"}));
  base::Fd client = support::connect_to(rig.address());
  net::half_close(client.get());
  hear_of_fin(client.get());
  net::reset_on_close(client.get());
  client.reset();
  EXPECT_EQ(rig.reasons(1), std::vector{engine::Reason::peer_closed});
}

/// The first client keeps the second in the backlog, where its input waits for it.
TEST_P(EveryEngineListens, OnceForNoTimeToWhatIsThere) {
  struct Once : session::Service {
    struct Hearer : session::Session {
      explicit Hearer(bool first) : step(first ? 10 : 0) {}
      session::Step next(base::TimePoint now) override {
        switch (step++) {
          case 0:
            return session::Listen{now - 1s};
          case 10:
            return session::Write{"a\n"};
          case 11:
            return session::Listen{};
          default:
            if (step == 2) return session::Write{heard};
            return session::Finish{};
        }
      }
      void receive(std::string_view bytes) override { heard += bytes; }
      int step;
      std::string heard;
    };
    std::unique_ptr<session::Session> open(const session::Peer& peer,
                                           base::TimePoint /*now*/) override {
      return std::make_unique<Hearer>(peer.number == 1);
    }
  };
  support::Rig rig(GetParam(), std::make_shared<Once>(), 1);
  base::Fd first = support::connect_to(rig.address());
  support::hear_first_line(first.get());
  const base::Fd second = support::connect_to(rig.address());
  net::send_some(second.get(), "hello");
  net::half_close(first.get());
  EXPECT_EQ(support::hear(first.get()).ended.status, net::IoStatus::end);
  first.reset();
  EXPECT_EQ(support::hear(second.get()).bytes, "hello");
}

TEST_P(EveryEngineListens, ForNoTimeWhereNothingIsThere) {
  support::Rig rig(GetParam(), std::make_shared<support::Custom>(
                                   [steps = 0](const session::Peer& /*peer*/,
                                               base::TimePoint now) mutable -> session::Step {
                                     if (++steps <= 1000) return session::Listen{now};
                                     return session::Finish{};
                                   }));
  const base::Fd client = support::connect_to(rig.address());
  EXPECT_EQ(support::hear(client.get()).ended.status, net::IoStatus::end);
}

TEST_P(EveryEngineListens, OrHoldsItsPeerBack) {
  constexpr std::size_t more_than_buffers = std::size_t{64} << 20;
  support::Rig rig(GetParam(), std::make_shared<support::Custom>(
                                   [steps = 0](const session::Peer& /*peer*/,
                                               base::TimePoint now) mutable -> session::Step {
                                     if (++steps == 1) return session::Listen{now};
                                     if (steps == 2) return session::Write{"a\n"};
                                     return session::Pause{};
                                   }));
  const base::Fd client = support::connect_to(rig.address());
  support::hear_first_line(client.get());
  net::limit_blocking(client.get(), 300ms);
  const std::string piece(1 << 20, 'x');
  std::size_t sent = 0;
  while (sent < more_than_buffers) {
    const auto result = net::send_some(client.get(), piece);
    if (result.status != net::IoStatus::ok) break;
    sent += result.bytes;
  }
  EXPECT_LT(sent, more_than_buffers);
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineListens, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

using EngineAndFault = std::tuple<std::string, std::string>;

class EveryEngineTalksBothWays : public testing::TestWithParam<EngineAndFault> {};

TEST_P(EveryEngineTalksBothWays, AndLosesNothing) {
  const auto& [engine, fault] = GetParam();
  constexpr std::size_t pieces = 128;
  constexpr std::size_t piece = 16'384;
  support::Rig rig(engine,
                   faults::with_faults(std::make_shared<Talker>(Talker::Script{pieces, "", piece}),
                                       support::plan_of({fault}), {}));
  const base::Fd client = support::connect_to(rig.address());
  std::string text;
  while (text.size() < pieces * piece) text += byte_at(text.size());
  std::thread sender([&client, left = std::string_view(text)]() mutable {
    while (!left.empty()) {
      const auto sent = net::send_some(client.get(), left);
      if (sent.status != net::IoStatus::ok) break;
      left.remove_prefix(sent.bytes);
    }
    net::half_close(client.get());
  });
  const auto heard = support::hear(client.get());
  sender.join();
  EXPECT_EQ(heard.ended.status, net::IoStatus::end);
  EXPECT_GE(heard.bytes.size(), pieces * piece);
  EXPECT_EQ(last_line(heard.bytes), std::to_string(text.size()) + " bytes in order, 1 FIN\n");
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineTalksBothWays,
                         testing::Combine(testing::ValuesIn(every_engine()),
                                          testing::Values("none", "slice=5000B", "latency=1ms",
                                                          "corrupt=20000", "stall-after=1GB",
                                                          "accept-delay=20ms")),
                         [](const auto& at) {
                           const auto& fault = std::get<1>(at.param);
                           auto name =
                               std::get<0>(at.param) + "_" + fault.substr(0, fault.find('='));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace poetry::conformance
