// What every engine must do with every service, over loopback. A new engine joins by its name in
// engine_names(), a new service by its line in `services`. Lower bounds on time are the pacing's
// promise; no upper bound is asserted.
#include <gtest/gtest.h>

#include "session/services.hpp"
#include "support/loopback.hpp"
#include "support/rig.hpp"
#include "support/temporary_file.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

struct PacedPoem {
  std::string name;
  std::string spec;  // FILE stands for a file that holds `text`
  std::string text;
  std::string expected;
  Duration least;  // the earliest that the stream may end
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
  const TemporaryFile file(service.text);
  auto spec = service.spec;
  spec.replace(spec.find("FILE"), 4, file.path());
  Rig rig(engine, make_service(parse_service(spec, {}), {}));
  const auto start = Clock::now();
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect_to(rig.address()));
  half_close(clients[1].get());
  send_some(clients[2].get(), "input that nobody reads");
  for (const auto& client : clients) {
    const auto heard = hear(client.get());
    EXPECT_EQ(heard.ended.status, IoStatus::end);
    EXPECT_TRUE(heard.bytes == service.expected) << heard.bytes.size() << " bytes";
    EXPECT_GE(Clock::now() - start, service.least);
  }
  clients.clear();
  rig.tell(Command::drain);
  EXPECT_EQ(rig.reasons(), std::vector<Reason>(3, Reason::finished));
}

INSTANTIATE_TEST_SUITE_P(Matrix, EveryService,
                         testing::Combine(testing::ValuesIn(every_engine()),
                                          testing::ValuesIn(services)),
                         [](const auto& at) {
                           return std::get<0>(at.param) + std::get<1>(at.param).name;
                         });

class EveryEngine : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngine, DrainsThenCutsWhatIsLeft) {
  Rig rig(GetParam(), endless(), 0, 50ms);
  const Fd client = connect_to(rig.address());
  hear_first_line(client.get());
  rig.tell(Command::drain);
  EXPECT_EQ(hear(client.get()).ended.status, IoStatus::error);
  EXPECT_EQ(rig.reasons(), std::vector<Reason>{Reason::shutdown});
}

TEST_P(EveryEngine, StopsAtOnceWhenTold) {
  Rig rig(GetParam(), endless(), 0, std::chrono::hours(1));
  const Fd client = connect_to(rig.address());
  hear_first_line(client.get());
  rig.tell(Command::stop);
  EXPECT_EQ(hear(client.get()).ended.status, IoStatus::error);
}

TEST_P(EveryEngine, HoldsNoMoreClientsThanItsQuota) {
  const auto text = SealedText::copy("a\n");
  Rig rig(GetParam(), std::make_shared<PoemService>(text, Pacing{.delay = 50ms}), 1);
  const auto start = Clock::now();
  std::vector<Fd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(connect_to(rig.address()));
  for (auto& client : clients) {
    EXPECT_EQ(hear(client.get()).bytes, "a\n");
    client.reset();
  }
  EXPECT_GE(Clock::now() - start, 4 * 50ms);  // one after another
}

TEST_P(EveryEngine, AResetEndsOneConnectionAlone) {
  Rig rig(GetParam(),
          std::make_shared<PoemService>(SealedText::copy("a\nb\nc\n"), Pacing{.delay = 30ms}));
  Fd lost = connect_to(rig.address());
  const Fd kept = connect_to(rig.address());
  hear_first_line(lost.get());
  reset_on_close(lost.get());
  lost.reset();
  EXPECT_EQ(hear(kept.get()).bytes, "a\nb\nc\n");
}

TEST_P(EveryEngine, EchoesWhatAClientSendsWhileItReads) {
  Rig rig(GetParam(), make_service(parse_service("echo", {}), {}));
  const Fd client = connect_to(rig.address());
  const std::string text(8 << 20, 'x');
  std::thread sender([&client, left = std::string_view(text)]() mutable {
    while (!left.empty()) {
      const auto sent = send_some(client.get(), left);
      if (sent.status != IoStatus::ok) break;
      left.remove_prefix(sent.bytes);
    }
    half_close(client.get());
  });
  const auto heard = hear(client.get());
  sender.join();
  EXPECT_EQ(heard.ended.status, IoStatus::end);
  EXPECT_TRUE(heard.bytes == text) << heard.bytes.size() << " bytes";
}

TEST_P(EveryEngine, AnswersEachLineByAFibonacciNumberOfItsOwn) {
  const TemporaryFile state("");
  Rig rig(GetParam(), make_service(parse_service("fibonacci:" + state.path(), {}), {}));
  const Fd one = connect_to(rig.address());
  const Fd other = connect_to(rig.address());
  std::array<char, 2> answer{};
  send_some(one.get(), "\n");
  ASSERT_EQ(receive_some(one.get(), answer).bytes, 2U);
  EXPECT_EQ(answer, (std::array{'1', '\n'}));
  send_some(other.get(), "a\nb\nc");
  half_close(other.get());
  EXPECT_EQ(hear(other.get()).bytes, "2\n3\n5\n");
  half_close(one.get());
  EXPECT_EQ(hear(one.get()).ended.status, IoStatus::end);
}

TEST_P(EveryEngine, TellsItsCatalogWhateverIsSent) {
  Rig rig(GetParam(), make_service(parse_service("catalog", {}), {}));
  const Fd client = connect_to(rig.address());
  send_some(client.get(), "GET / HTTP/1.0\r\n\r\n");
  const auto heard = hear(client.get());
  EXPECT_EQ(heard.bytes, "[]\n");
  EXPECT_EQ(heard.ended.status, IoStatus::end);
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngine, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

TEST(EngineNames, AnUnknownOneListsTheValidOnes) {
  try {
    make_engine("abacus");
    FAIL();
  } catch (const std::exception& error) {
    std::string valid;
    for (const auto& name : engine_names()) valid += (valid.empty() ? "" : ", ") + name;
    EXPECT_EQ(error.what(), "unknown engine (valid: " + valid + "): abacus");
  }
}

}  // namespace
}  // namespace poetry
