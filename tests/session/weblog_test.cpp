#include "session/weblog.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/epoch.hpp"
#include "support/temporary_directory.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

/// A log and a service that follows it, in virtual time.
class Weblog : public testing::Test {
 protected:
  std::shared_ptr<Service> serve(const WeblogSettings& settings = {},
                                 const HistoryLimits& limits = {}) {
    return make_weblog(log, settings, limits);
  }
  void append(std::string_view bytes) const {
    std::ofstream(log, std::ios::binary | std::ios::app) << bytes;
  }
  /// Appends `count` lines "x0", "x1" and so on.
  void append_lines(int count, int first = 0) const {
    std::string bytes;
    for (int i = first; i < first + count; ++i) bytes += "x" + std::to_string(i) + "\n";
    append(bytes);
  }

  support::TemporaryDirectory directory;
  const std::string log = directory / "log";
};

/// What the session writes until it waits or ends; an end is marked by a dot.
std::string hear(Session& session) {
  std::string heard;
  for (int i = 0; i < 100'000; ++i) {
    const auto step = session.next(support::epoch);
    if (const auto* write = std::get_if<Write>(&step)) {
      EXPECT_FALSE(write->bytes.empty());
      heard += write->bytes;
    } else if (std::holds_alternative<Finish>(step)) {
      return heard + ".";
    } else {
      EXPECT_EQ(std::get<Listen>(step).until, base::never);
      return heard;
    }
  }
  ADD_FAILURE() << "no end";
  return heard;
}

TEST_F(Weblog, OpensNothingBeforeItIsUsed) {
  append("old\n");
  const auto service = serve({.backlog = 10});
  append("older than the first open\n");
  EXPECT_EQ(hear(*service->open({1}, support::epoch)), "old\nolder than the first open\n");
}

TEST_F(Weblog, GivesEveryClientWhatIsAppendedFromNowOn) {
  append("old\n");
  const auto service = serve();
  EXPECT_FALSE(service->refresh(support::epoch).news);
  const auto early = service->open({1}, support::epoch);
  EXPECT_EQ(hear(*early), "");
  append("a\nb\n");
  EXPECT_TRUE(service->refresh(support::epoch).news);
  const auto late = service->open({2}, support::epoch);
  EXPECT_EQ(hear(*early), "a\nb\n");
  EXPECT_EQ(hear(*late), "");
  append("c\r\n");
  service->refresh(support::epoch);
  EXPECT_EQ(hear(*early), "c\r\n");
  EXPECT_EQ(hear(*late), "c\r\n");
}

TEST_F(Weblog, LooksAgainAfterAPollOrAtOnceWhereMoreIsLeft) {
  const auto service = serve({.poll = 7s});
  auto refresh = service->refresh(support::epoch);
  EXPECT_EQ(refresh.again, support::epoch + 7s);
  EXPECT_FALSE(refresh.news);
  append(std::string(1 << 20, 'x') + "\n");
  int looks = 0;
  do {
    refresh = service->refresh(support::epoch + 7s);
    ++looks;
  } while (refresh.again == support::epoch + 7s && looks < 1000);
  EXPECT_EQ(refresh.again, support::epoch + 14s);
  EXPECT_GT(looks, 2);
  EXPECT_TRUE(refresh.news);
  EXPECT_FALSE(service->refresh(support::epoch + 8s).news);
}

TEST_F(Weblog, StartsAtALaterPollWhereItCannotStartNow) {
  std::filesystem::create_directory(log);
  const auto service = serve({.backlog = 1});
  auto refresh = service->refresh(support::epoch);
  EXPECT_EQ(refresh.again, support::epoch + 1s);
  EXPECT_EQ(refresh.readable, -1);
  std::filesystem::remove(log);
  append("old\n");
  service->refresh(support::epoch + 1s);
  EXPECT_EQ(hear(*service->open({1}, support::epoch)), "old\n");
}

TEST_F(Weblog, GivesTheBacklogFirst) {
  append_lines(150);
  const auto service = serve({.backlog = 3});
  EXPECT_EQ(hear(*service->open({1}, support::epoch)), "x147\nx148\nx149\n");
  append("new\n");
  EXPECT_TRUE(service->refresh(support::epoch).news);
  EXPECT_EQ(hear(*service->open({2}, support::epoch)), "x148\nx149\nnew\n");
}

TEST_F(Weblog, KeepsAHundredRecordsForTheBacklog) {
  append_lines(150);
  const auto service = serve({.backlog = 100});
  const auto heard = hear(*service->open({1}, support::epoch));
  EXPECT_TRUE(heard.starts_with("x50\n")) << heard;
  EXPECT_TRUE(heard.ends_with("x149\n"));
}

TEST_F(Weblog, OpensAndClosesTheRootOfXml) {
  const auto service = serve({.format = LogFormat::xml});
  const auto session = service->open({1}, support::epoch);
  EXPECT_EQ(hear(*session), "<hits>\n");
  append("- - - [t] \"GET / HTTP/1.1\" 200 5\nbad\n");
  service->refresh(support::epoch);
  EXPECT_EQ(hear(*session),
            "<hit time=\"t\" method=\"GET\" path=\"/\" protocol=\"HTTP/1.1\" status=\"200\" "
            "bytes=\"5\"/>\n<unparsed>bad</unparsed>\n");
  session->receive("input");
  EXPECT_EQ(hear(*session), "");
  session->receive("");
  EXPECT_EQ(hear(*session), "</hits>\n.");
}

TEST_F(Weblog, GivesJson) {
  const auto service = serve({.format = LogFormat::json});
  const auto session = service->open({1}, support::epoch);
  EXPECT_EQ(hear(*session), "");
  append("- - - [t] \"GET /\" 200 5\nbad\n");
  service->refresh(support::epoch);
  EXPECT_EQ(hear(*session),
            "{\"time\":\"t\",\"method\":\"GET\",\"path\":\"/\",\"status\":200,\"bytes\":5}\n"
            "{\"unparsed\":\"bad\"}\n");
  session->receive("");
  EXPECT_EQ(hear(*session), ".");
}

TEST_F(Weblog, EndsWithWhatThereIsWhenTheClientHalfCloses) {
  const auto service = serve();
  const auto session = service->open({1}, support::epoch);
  EXPECT_EQ(hear(*session), "");
  append("a\n");
  service->refresh(support::epoch);
  session->receive("");
  append("b\n");
  service->refresh(support::epoch);
  EXPECT_EQ(hear(*session), "a\n.");
}

TEST_F(Weblog, EndsWithWhatThereIsWhenDrained) {
  const auto service = serve({.format = LogFormat::xml});
  const auto session = service->open({1}, support::epoch);
  append("a\n");
  service->refresh(support::epoch);
  service->drain();
  append("b\n");
  service->refresh(support::epoch);
  EXPECT_EQ(hear(*session), "<hits>\n<unparsed>a</unparsed>\n</hits>\n.");
  EXPECT_EQ(hear(*service->open({2}, support::epoch)), "<hits>\n</hits>\n.");
}

TEST_F(Weblog, TellsASlowClientExactlyHowManyItMissed) {
  const auto service = serve({.format = LogFormat::xml}, {.records = 10});
  const auto session = service->open({1}, support::epoch);
  append_lines(3);
  service->refresh(support::epoch);
  EXPECT_EQ(std::get<Write>(session->next(support::epoch)).bytes, "<hits>\n");
  const auto stuck = std::get<Write>(session->next(support::epoch)).bytes;
  const std::string before(stuck);
  append_lines(25, 3);
  service->refresh(support::epoch);
  EXPECT_EQ(stuck, before);  // what is being written stays
  EXPECT_EQ(std::get<Write>(session->next(support::epoch)).bytes, "<missed count=\"15\"/>\n");
  append_lines(100, 28);
  service->refresh(support::epoch);  // the records after the marker were taken with it
  const std::string after(std::get<Write>(session->next(support::epoch)).bytes);
  EXPECT_TRUE(after.starts_with("<unparsed>x18</unparsed>\n")) << after;
  EXPECT_TRUE(after.ends_with("<unparsed>x27</unparsed>\n")) << after;
  const auto rest = hear(*session);
  EXPECT_TRUE(rest.starts_with("<missed count=\"90\"/>\n<unparsed>x118</unparsed>\n")) << rest;
  EXPECT_TRUE(rest.ends_with("<unparsed>x127</unparsed>\n")) << rest;
}

TEST_F(Weblog, MarksWhatWasMissedAtTheEndToo) {
  const auto service = serve({}, {.records = 2});
  const auto session = service->open({1}, support::epoch);
  append_lines(2);
  service->refresh(support::epoch);
  service->drain();
  append_lines(10);
  service->refresh(support::epoch);
  EXPECT_EQ(hear(*session), "# missed 2 records\n.");
}

TEST_F(Weblog, PutsAMarkerOnALineOfItsOwn) {
  const auto service = serve({}, {.bytes = largest_log_line + 1});
  const auto session = service->open({1}, support::epoch);
  auto now = support::epoch;
  const auto refresh_all = [&] {
    while (service->refresh(now).again < now + 100ms) now += 100ms;
  };
  append(std::string(largest_log_line + 1, 'x'));
  refresh_all();
  EXPECT_EQ(hear(*session).size(), largest_log_line);
  append(std::string(largest_log_line, 'x'));
  refresh_all();
  append("\nnext\n");
  refresh_all();
  EXPECT_EQ(hear(*session), "\n# missed 1 records\nx\nnext\n");
}

/// Looks as often as it is asked to, and lets the client write once in each `period`. Returns the
/// time it took until the log was read.
base::Duration read_burst(Service& service, Session& session, base::Duration period,
                          std::string& heard) {
  auto now = support::epoch;
  auto write_at = support::epoch;
  for (;;) {
    const auto refresh = service.refresh(now);
    for (; write_at <= now; write_at += period) {
      const auto step = session.next(now);
      if (const auto* write = std::get_if<Write>(&step)) heard += write->bytes;
    }
    if (refresh.again >= now + 1s) return now - support::epoch;
    now = std::max(refresh.again, now + 10us);  // what a turn takes
  }
}

TEST_F(Weblog, ReadsABurstNoFasterThanAClientTakesIt) {
  const auto service = serve({}, {.bytes = 256 << 10});
  const auto session = service->open({1}, support::epoch);
  append_lines(200'000);
  std::string heard;
  EXPECT_LT(read_burst(*service, *session, 1ms, heard), 1s);
  heard += hear(*session);
  EXPECT_EQ(std::count(heard.begin(), heard.end(), '\n'), 200'000);
  EXPECT_EQ(heard.find("missed"), std::string::npos);
}

TEST_F(Weblog, WaitsNoLongerThanASecondForSlowClients) {
  const auto service = serve({}, {.bytes = 256 << 10});
  const auto session = service->open({1}, support::epoch);
  append_lines(200'000);
  std::string heard;
  const auto took = read_burst(*service, *session, 1h, heard);
  EXPECT_GE(took, 1s);
  EXPECT_LT(took, 3s);  // in virtual time: with a poll at the end
  EXPECT_TRUE(heard.starts_with("x0\n"));
  EXPECT_NE(hear(*session).find("# missed "), std::string::npos);
}

TEST_F(Weblog, HoldsNoMoreHoweverSlowItsClientsAre) {
  const auto service = serve({}, {.bytes = 1000, .records = 100});
  std::vector<std::unique_ptr<Session>> sessions;
  for (std::uint64_t i = 0; i < 100; ++i) sessions.push_back(service->open({i}, support::epoch));
  constexpr int count = 20'000;
  std::size_t heard = 0;
  for (int i = 0; i < count; i += 100) {
    append(std::string(100, '\n'));
    service->refresh(support::epoch);
    const auto step = sessions[static_cast<std::size_t>(i) / 200]->next(support::epoch);
    heard = std::max(heard, std::get<Write>(step).bytes.size());
  }
  EXPECT_LE(heard, 1000U);
  service->drain();
  for (const auto& session : sessions) {
    const auto rest = hear(*session);
    EXPECT_LT(rest.size(), 1100U);
    EXPECT_TRUE(rest.ends_with("."));
  }
}

}  // namespace
}  // namespace poetry::session
