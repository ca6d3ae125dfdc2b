// Every fault by itself, over a script that checks how it is called and over a poem.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "faults/fault_spec.hpp"
#include "faults/script.hpp"
#include "session/services.hpp"

namespace poetry::faults {
namespace {

using namespace rehearsal;
using namespace std::chrono_literals;

TEST(Faults, OneThatIsOffChangesNothingAtAll) {
  const auto script = std::make_shared<Script>(std::vector{writes("abc")});
  for (const auto* fault :
       {"none", "refuse", "accept-delay=0", "#2:reset-after=0", "0%:latency=1s", "latency=0"}) {
    const auto service = with_faults(script, support::plan_of(Texts{fault}), {});
    const auto session = service->open({1}, start);
    EXPECT_EQ(session.get(), script->opened.session) << fault;
  }
}

TEST(Faults, RefreshAndDrainReachTheService) {
  for (const auto& faults : {Texts{"slice=1"}, Texts{"accept-delay=1s"}}) {
    const auto script = std::make_shared<Script>(std::vector{writes("abc")});
    const auto service = with_faults(script, support::plan_of(faults), {});
    const auto refresh = service->refresh(start);
    EXPECT_EQ(refresh.again, start + 9s);
    EXPECT_TRUE(refresh.news);
    EXPECT_EQ(refresh.readable, 7);
    service->drain();
    EXPECT_EQ(script->drained, 1);
  }
}

TEST(Faults, AStallIsSilentFromItsOffsetOn) {
  const auto seen = play_script({writes("abcd"), waits(1s), writes("efgh")}, {"stall-after=6"});
  EXPECT_EQ(seen.bytes, "abcdef");
  EXPECT_EQ(seen.end, End::silent);
  EXPECT_EQ(seen.ended, 1s);
  EXPECT_EQ(seen.fired, (FiredList{{"stall-after=6", 6}}));
  EXPECT_EQ(play_poem({"stall-after=2lines"}).bytes, "a\nb\n");
}

TEST(Faults, AStallStaysSilent) {
  const auto script = std::make_shared<Script>(std::vector{writes("abcd"), listens});
  Firings firings;
  const auto service =
      with_faults(script, support::plan_of(Texts{"stall-after=4"}), firings.note());
  const auto session = service->open({1}, start);
  EXPECT_EQ(std::get<session::Write>(session->next(start)).bytes, "abcd");
  for (const auto at : {0s, 1s, 1000s}) {
    EXPECT_EQ(std::get<session::Pause>(session->next(start + at)).until, base::never);
  }
  EXPECT_EQ(firings.list.size(), 1U);
}

TEST(Faults, ACloseComesEarly) {
  const auto seen = play_poem({"close-after=1line"});
  EXPECT_EQ(seen.bytes, "a\n");
  EXPECT_EQ(seen.end, End::fault);
  EXPECT_EQ(seen.ended, 0s);
  EXPECT_EQ(seen.fired, (FiredList{{"close-after=1line", 2}}));
}

TEST(Faults, AResetComesInTheMiddleOfALine) {
  const auto seen = play_poem({"reset-after=5B"});
  EXPECT_EQ(seen.bytes, "a\nb\nc");
  EXPECT_EQ(seen.times, (Times{0s, 0s, 1s, 1s, 2s}));
  EXPECT_EQ(seen.end, End::reset);
  EXPECT_EQ(seen.ended, 2100ms);  // by when the client's program has read it
  EXPECT_EQ(play_poem({"reset-after=5B,gap=0"}).ended, 2s);
  EXPECT_EQ(play_poem({"reset-after=5B,gap=3s"}).ended, 5s);
  EXPECT_EQ(seen.fired, (FiredList{{"reset-after=5B", 5}}));
}

TEST(Faults, AfterNothingTheyComeBeforeTheFirstByte) {
  for (const auto* fault : {"stall-after=0", "close-after=0lines", "reset-after=0B"}) {
    const auto seen = play_poem({fault}, {.first_delay = 5s});
    EXPECT_TRUE(seen.writes.empty());
    EXPECT_EQ(seen.fired, (FiredList{{fault, 0}}));
  }
  EXPECT_EQ(play_poem({"close-after=0lines"}, {.first_delay = 5s}).ended, 5s);
  EXPECT_EQ(play_poem({"reset-after=0B"}, {.first_delay = 5s}).ended, 5100ms);
  EXPECT_EQ(play_script({listens, writes("a")}, {"close-after=0"}).ended, 0s);
}

TEST(Faults, AStreamIsCutAtATime) {
  const auto closed = play_poem({"close-after=1500ms"});
  EXPECT_EQ(closed.bytes, "a\nb\n");
  EXPECT_EQ(closed.ended, 1500ms);
  EXPECT_EQ(closed.fired, (FiredList{{"close-after=1500ms", 4}}));
  EXPECT_EQ(play_poem({"reset-after=1500ms"}).ended, 1600ms);
  EXPECT_EQ(play_poem({"stall-after=1500ms"}).end, End::silent);
  EXPECT_EQ(play_poem({"close-after=9s"}).end, End::complete);
  EXPECT_TRUE(play_poem({"close-after=9s"}).fired.empty());
}

TEST(Faults, AStallMayEnd) {
  const auto seen = play_poem({"stall-after=3B,for=1500ms"});
  EXPECT_EQ(seen.bytes, verse);
  EXPECT_EQ(seen.times, (Times{0s, 0s, 1s, 2500ms, 2500ms, 2500ms, 3s, 3s}));
  EXPECT_EQ(seen.end, End::complete);
  EXPECT_EQ(seen.ended, 4s);
  const auto timed = play_poem({"stall-after=500ms,for=100ms", "latency=1s"});
  EXPECT_EQ(timed.bytes, verse);
  EXPECT_EQ(timed.times.front(), 1s);  // a stall makes nothing earlier
}

TEST(Faults, AStreamThatEndsBeforeIsLeftAlone) {
  for (const auto* fault : {"stall-after=9", "close-after=5lines", "reset-after=9", "corrupt=8",
                            "slice=2", "corrupt=1GB", "reset-after=18446744073709551615lines"}) {
    const auto seen = play_poem({fault});
    EXPECT_EQ(seen.bytes, verse) << fault;
    EXPECT_EQ(seen.times, play_poem({}).times) << fault;
    EXPECT_EQ(seen.end, End::complete) << fault;
    EXPECT_EQ(seen.ended, 4s) << fault;
    EXPECT_TRUE(seen.fired.empty()) << fault;
  }
  EXPECT_TRUE(play_script({writes("ab\nc")}, {"close-after=2lines"}).fired.empty());
  EXPECT_EQ(play_script({writes("ab"), aborts}, {"close-after=3"}).end, End::reset);
}

TEST(Faults, AnOffsetThatIsTheEndIsReached) {
  EXPECT_EQ(play_poem({"close-after=8"}).end, End::fault);
  EXPECT_EQ(play_poem({"close-after=8"}).ended, 3s);
  EXPECT_EQ(play_poem({"stall-after=4lines"}).end, End::silent);
}

TEST(Faults, NeverReplyReadsAndSaysNothing) {
  const auto seen = play_script({listens, writes("a")}, {"never-reply"});
  EXPECT_TRUE(seen.writes.empty());
  EXPECT_EQ(seen.end, End::silent);
  EXPECT_EQ(seen.fired, (FiredList{{"never-reply", 0}}));
}

TEST(Faults, CorruptFlipsEveryBitOfOneByte) {
  const auto seen = play_script({writes("ab"), waits(1s), writes("cdef")}, {"corrupt=3"});
  EXPECT_EQ(seen.bytes,
            "abc\x9b"  // 'd' is 0x64
            "ef");
  EXPECT_EQ(seen.times, (Times{0s, 0s, 1s, 1s, 1s, 1s}));
  EXPECT_EQ(seen.end, End::complete);
  EXPECT_EQ(seen.fired, (FiredList{{"corrupt=3", 3}}));
  EXPECT_EQ(play_script({writes("ab")}, {"corrupt=0"}).bytes,
            "\x9e"
            "b");
}

TEST(Faults, NoSliceIsLonger) {
  const auto seen = play_script({writes("ab"), writes("cdefghi"), writes("jklm")}, {"slice=3B"});
  EXPECT_EQ(seen.writes, (Texts{"ab", "cde", "fgh", "i", "jkl", "m"}));
  EXPECT_EQ(seen.ended, 0s);
  EXPECT_EQ(seen.fired, (FiredList{{"slice=3B", 2}}));
}

TEST(Faults, LatencyMakesEachWriteLater) {
  const auto seen = play_poem({"latency=300ms"});
  EXPECT_EQ(seen.writes, (Texts{"a\n", "b\n", "c\n", "d\n"}));
  EXPECT_EQ(seen.times, (Times{300ms, 300ms, 1300ms, 1300ms, 2300ms, 2300ms, 3300ms, 3300ms}));
  EXPECT_EQ(seen.ended, 4s);
  EXPECT_EQ(seen.fired, (FiredList{{"latency=300ms", 0}}));
}

TEST(Faults, NothingIsReceivedWhileAWriteIsLate) {
  const auto script = std::make_shared<Script>(std::vector{listens, writes("echo"), listens});
  const auto service = with_faults(script, support::plan_of(Texts{"latency=1s"}), {});
  const auto session = service->open({1}, start);
  EXPECT_EQ(std::get<session::Listen>(session->next(start)).until, base::never);
  session->receive("echo");
  EXPECT_EQ(std::get<session::Pause>(session->next(start)).until, start + 1s);
  EXPECT_EQ(std::get<session::Pause>(session->next(start + 400ms)).until, start + 1s);
  EXPECT_EQ(std::get<session::Write>(session->next(start + 1s)).bytes, "echo");
  script->sent += 4;
  EXPECT_TRUE(std::holds_alternative<session::Listen>(session->next(start + 1s)));
  EXPECT_EQ(script->received, "echo");
}

TEST(Faults, ASessionHearsItsPeerBetweenWritesThroughEach) {
  const std::vector acts{writes("abc"), looks, writes("def"), looks, waits(1s), looks, writes("g")};
  for (const auto* fault : {"slice=2", "latency=400ms", "latency=2s", "corrupt=4", "close-after=9",
                            "stall-after=9lines", "reset-after=1GB", "accept-delay=1s"}) {
    const auto script = std::make_shared<Script>(acts);
    const auto service = with_faults(script, support::plan_of(Texts{fault}), {});
    EXPECT_EQ(play(*service, {1}, script.get()).bytes.size(), 7U) << fault;
    EXPECT_EQ(std::count(script->received.begin(), script->received.end(), 'n'), 3) << fault;
  }
}

TEST(Faults, AListenUntilATimeThatLatencyHasLetPassIsForNoTime) {
  const auto inner = session::make_service(session::parse_service("chargen,delay=100ms", {}), {});
  const auto service = with_faults(inner, support::plan_of(Texts{"latency=1s"}), {});
  const auto session = service->open({1}, start);
  EXPECT_EQ(std::get<session::Listen>(session->next(start)).until, start);
  EXPECT_EQ(std::get<session::Pause>(session->next(start)).until, start + 1s);
  EXPECT_EQ(std::get<session::Write>(session->next(start + 1s)).bytes.size(), 74U);
  EXPECT_EQ(std::get<session::Listen>(session->next(start + 1s)).until, start + 100ms);
  session->receive("input");
  EXPECT_EQ(std::get<session::Pause>(session->next(start + 1s)).until, start + 2s);
  EXPECT_EQ(std::get<session::Write>(session->next(start + 2s)).bytes.size(), 10 * 74U);
}

TEST(Faults, AcceptDelayOpensTheSessionAtItsTime) {
  const auto script = std::make_shared<Script>(std::vector{waits(1s), writes("a"), waits(2s)});
  Firings firings;
  const auto service =
      with_faults(script, support::plan_of(Texts{"accept-delay=500ms"}), firings.note());
  const auto session = service->open({4}, start);
  EXPECT_EQ(script->opened.session, nullptr);
  EXPECT_TRUE(firings.list.empty());
  EXPECT_EQ(std::get<session::Pause>(session->next(start)).until, start + 500ms);
  EXPECT_EQ(firings.list, (FiredList{{"accept-delay=500ms", 0}}));
  EXPECT_EQ(std::get<session::Pause>(session->next(start + 499ms)).until, start + 500ms);
  // A late turn does not move its start.
  EXPECT_EQ(std::get<session::Listen>(session->next(start + 700ms)).until, start + 1500ms);
  EXPECT_EQ(script->opened.at, 500ms);
  EXPECT_EQ(script->opened.number, 4U);
  session->receive("x");
  EXPECT_EQ(std::get<session::Write>(session->next(start + 1500ms)).bytes, "a");
  script->sent += 1;
  EXPECT_EQ(std::get<session::Listen>(session->next(start + 1500ms)).until, start + 2500ms);
  EXPECT_TRUE(std::holds_alternative<session::Finish>(session->next(start + 2500ms)));
  EXPECT_EQ(firings.list.size(), 1U);
}

TEST(Faults, ADelayedConnectionMayLeaveBeforeItsTime) {
  const auto script = std::make_shared<Script>(std::vector{writes("a")});
  const auto service =
      with_faults(script, support::plan_of(Texts{"accept-delay=1s", "slice=1"}), {});
  service->open({1}, start)->next(start);
  EXPECT_EQ(script->opened.session, nullptr);
}

/// Not safe to call from several threads.
struct Unguarded : session::Service {
  struct Empty : session::Session {
    session::Step next(base::TimePoint /*now*/) override { return session::Finish{}; }
  };
  std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                         base::TimePoint /*now*/) override {
    ++calls;
    return std::make_unique<Empty>();
  }
  session::Refresh refresh(base::TimePoint /*now*/) override {
    ++calls;
    return {};
  }
  void drain() override { ++calls; }
  int calls = 0;
};

TEST(Faults, DelayedSessionsInManyThreadsOpenOneAtATime) {
  constexpr int times = 2000;
  const auto inner = std::make_shared<Unguarded>();
  const auto service = with_faults(inner, support::plan_of(Texts{"accept-delay=1s"}), {});
  const auto connect = [&service] {
    for (int i = 0; i < times; ++i) {
      service->open({1}, start)->next(start + 1s);
    }
  };
  std::thread first(connect);
  std::thread second(connect);
  for (int i = 0; i < times; ++i) service->refresh(start);
  service->drain();
  first.join();
  second.join();
  EXPECT_EQ(inner->calls, 3 * times + 1);
}

}  // namespace
}  // namespace poetry::faults
