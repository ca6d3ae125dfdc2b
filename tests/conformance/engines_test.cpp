// What every engine must do with every service, over loopback. A new engine joins by its name in
// engine_names(), a new service by its line in every_service(). Lower bounds on time are the
// pacing's promise; no upper bound is asserted.
#include <gtest/gtest.h>

#include "session/services.hpp"
#include "support/loopback.hpp"
#include "support/rig.hpp"
#include "support/temporary_file.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

struct PacedPoem {
  std::string name;
  std::string spec;  // FILE stands for a file that holds `text`
  std::string text;
  std::string expected;
  base::Duration min;  // the earliest that the stream may end
};

const std::vector<PacedPoem> services{
    {"Poem", "poem:FILE,delay=20ms", "a\r\nb\n\nno newline", "a\r\nb\n\nno newline", 80ms},
    {"PoemAtOnce", "poem:FILE,delay=0", std::string(3 << 20, 'x'), std::string(3 << 20, 'x'), 0s},
    {"PoemInChunks", "poem:FILE,delay=10ms,chunk=2B,repeat=2", "abcde", "abcdeabcde", 60ms},
    {"EmptyPoem", "poem:FILE,first-delay=30ms", "", "", 30ms},
};

class EveryService : public testing::TestWithParam<std::tuple<std::string, PacedPoem>> {};

TEST_P(EveryService, ReachesThreeClientsWholeAndNeverEarly) {
  const auto& [engine, service] = GetParam();
  const support::TemporaryFile file(service.text);
  auto spec = service.spec;
  spec.replace(spec.find("FILE"), 4, file.path());
  support::Rig rig(engine, session::make_service(session::parse_service(spec, {}), {}));
  const auto start = base::Clock::now();
  std::vector<base::Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(support::connect_to(rig.address()));
  net::half_close(clients[1].get());
  net::send_some(clients[2].get(), "input that nobody reads");
  for (const auto& client : clients) {
    const auto heard = support::hear(client.get());
    EXPECT_EQ(heard.ended.status, net::IoStatus::end);
    EXPECT_TRUE(heard.bytes == service.expected) << heard.bytes.size() << " bytes";
    EXPECT_GE(base::Clock::now() - start, service.min);
  }
  clients.clear();
  rig.tell(engine::Command::drain);
  EXPECT_EQ(rig.reasons(), std::vector<engine::Reason>(3, engine::Reason::finished));
}

INSTANTIATE_TEST_SUITE_P(Matrix, EveryService,
                         testing::Combine(testing::ValuesIn(every_engine()),
                                          testing::ValuesIn(services)),
                         [](const auto& at) {
                           return std::get<0>(at.param) + std::get<1>(at.param).name;
                         });

class EveryEngine : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngine, DrainsThenCutsWhatIsLeft) {
  support::Rig rig(GetParam(), support::endless(), 0, 50ms);
  const base::Fd client = support::connect_to(rig.address());
  support::hear_first_line(client.get());
  rig.tell(engine::Command::drain);
  EXPECT_EQ(support::hear(client.get()).ended.status, net::IoStatus::error);
  EXPECT_EQ(rig.reasons(), std::vector<engine::Reason>{engine::Reason::shutdown});
}

TEST_P(EveryEngine, StopsAtOnceWhenTold) {
  support::Rig rig(GetParam(), support::endless(), 0, std::chrono::hours(1));
  const base::Fd client = support::connect_to(rig.address());
  support::hear_first_line(client.get());
  rig.tell(engine::Command::stop);
  EXPECT_EQ(support::hear(client.get()).ended.status, net::IoStatus::error);
}

TEST_P(EveryEngine, HoldsNoMoreClientsThanItsQuota) {
  const auto text = base::SealedText::copy("a\n");
  support::Rig rig(GetParam(),
                   std::make_shared<session::PoemService>(text, session::Pacing{.delay = 50ms}), 1);
  const auto start = base::Clock::now();
  std::vector<base::Fd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(support::connect_to(rig.address()));
  for (auto& client : clients) {
    EXPECT_EQ(support::hear(client.get()).bytes, "a\n");
    client.reset();
  }
  EXPECT_GE(base::Clock::now() - start, 4 * 50ms);  // one after another
}

TEST_P(EveryEngine, AResetEndsOneConnectionAlone) {
  support::Rig rig(GetParam(),
                   std::make_shared<session::PoemService>(base::SealedText::copy("a\nb\nc\n"),
                                                          session::Pacing{.delay = 30ms}));
  base::Fd lost = support::connect_to(rig.address());
  const base::Fd kept = support::connect_to(rig.address());
  support::hear_first_line(lost.get());
  net::reset_on_close(lost.get());
  lost.reset();
  EXPECT_EQ(support::hear(kept.get()).bytes, "a\nb\nc\n");
}

TEST_P(EveryEngine, EchoesWhatAClientSendsWhileItReads) {
  support::Rig rig(GetParam(), session::make_service(session::parse_service("echo", {}), {}));
  const base::Fd client = support::connect_to(rig.address());
  const std::string text(8 << 20, 'x');
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
  EXPECT_TRUE(heard.bytes == text) << heard.bytes.size() << " bytes";
}

TEST_P(EveryEngine, AnswersEachLineByAFibonacciNumberOfItsOwn) {
  const support::TemporaryFile state("");
  support::Rig rig(GetParam(), session::make_service(
                                   session::parse_service("fibonacci:" + state.path(), {}), {}));
  const base::Fd one = support::connect_to(rig.address());
  const base::Fd other = support::connect_to(rig.address());
  std::array<char, 2> answer{};
  net::send_some(one.get(), "\n");
  ASSERT_EQ(net::receive_some(one.get(), answer).bytes, 2U);
  EXPECT_EQ(answer, (std::array{'1', '\n'}));
  net::send_some(other.get(), "a\nb\nc");
  net::half_close(other.get());
  EXPECT_EQ(support::hear(other.get()).bytes, "2\n3\n5\n");
  net::half_close(one.get());
  EXPECT_EQ(support::hear(one.get()).ended.status, net::IoStatus::end);
}

TEST_P(EveryEngine, TellsItsCatalogWhateverIsSent) {
  support::Rig rig(GetParam(), session::make_service(session::parse_service("catalog", {}), {}));
  const base::Fd client = support::connect_to(rig.address());
  net::send_some(client.get(), "GET / HTTP/1.0\r\n\r\n");
  const auto heard = support::hear(client.get());
  EXPECT_EQ(heard.bytes, "[]\n");
  EXPECT_EQ(heard.ended.status, net::IoStatus::end);
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngine, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

TEST(EngineNames, AnUnknownOneListsTheValidOnes) {
  try {
    engine::make_engine("abacus");
    FAIL();
  } catch (const std::exception& error) {
    std::string valid;
    for (const auto& name : engine::engine_names()) valid += (valid.empty() ? "" : ", ") + name;
    EXPECT_EQ(error.what(), "unknown engine (valid: " + valid + "): abacus");
  }
}

}  // namespace
}  // namespace poetry::conformance
