#include "session/catalog.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/sha256.hpp"
#include "session/services.hpp"
#include "support/epoch.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;

std::string told(Service& service) {
  const auto session = service.open({}, support::epoch);
  session->receive("GET / HTTP/1.0\r\n");
  const std::string text(std::get<Write>(session->next(support::epoch)).bytes);
  session->receive({});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
  return text;
}

std::shared_ptr<Service> serve(const Catalog& catalog) {
  return make_service(parse_service("catalog", {}), {catalog});
}

std::shared_ptr<const PoemService> poem(std::string_view text, const Pacing& pacing) {
  auto made = std::make_shared<const PoemService>(base::SealedText::copy(text), pacing);
  made->find_facts(false);
  return made;
}

std::string digest_of(std::string_view text) {
  base::Sha256 digest;
  digest.update(text);
  return base::to_hex(digest.finish_digest());
}

TEST(Catalog, IsOneLineOfJsonWithAnObjectAPort) {
  const auto two_lines = poem("a\nb", {.delay = 250ms});
  const auto service = serve([&two_lines] {
    return std::vector<CatalogEntry>{{"127.0.0.1", 10000, "poem", "a \"b\".txt", two_lines},
                                     {"::1", 7, "echo", "echo", nullptr}};
  });
  EXPECT_EQ(told(*service),
            R"([{"host": "127.0.0.1", "port": 10000, "service": "poem", "name": "a \"b\".txt", )"
            R"("bytes": 3, "lines": 2, "sha256": ")" +
                digest_of("a\nb") +
                R"(", "delay": 0.25}, )"
                R"({"host": "::1", "port": 7, "service": "echo", "name": "echo"}])"
                "\n");
}

TEST(Catalog, IsAskedForAtEachConnection) {
  std::uint16_t port = 1;
  const auto service = serve([&port] {
    return std::vector<CatalogEntry>{{"h", port++, "echo", "echo", nullptr}};
  });
  EXPECT_EQ(boost::json::parse(told(*service)).at(0).at("port"), 1);
  EXPECT_EQ(boost::json::parse(told(*service)).at(0).at("port"), 2);
}

TEST(Catalog, WithoutAServerItIsEmpty) { EXPECT_EQ(told(*serve({})), "[]\n"); }

TEST(Catalog, IsMadeWithWhatSurroundsIt) {
  const Context context{[] {
    return std::vector<CatalogEntry>{{"h", 1, "catalog", "catalog", nullptr}};
  }};
  const auto service = make_service(parse_service("catalog", {}), context);
  EXPECT_EQ(told(*service), R"([{"host": "h", "port": 1, "service": "catalog", "name": "catalog"}])"
                            "\n");
}

TEST(Catalog, LeavesOutWhatAPoemWithoutAnEndHasNot) {
  const auto service = serve([] {
    return std::vector<CatalogEntry>{
        {"h", 1, "poem", "p", poem("a\n", {.delay = 2s, .repeat = 0})}};
  });
  EXPECT_EQ(told(*service),
            R"([{"host": "h", "port": 1, "service": "poem", "name": "p", "delay": 2}])"
            "\n");
}

PoemFacts facts_of(const PoemService& poem) { return poem.facts().value(); }

TEST(PoemFacts, AreOfAllRounds) {
  for (const std::string text : {"a\nb\n", "a\nb", "\n", "x"}) {
    for (const std::uint64_t rounds : {1, 3, 100'000}) {
      std::string whole;
      for (std::uint64_t i = 0; i < rounds; ++i) whole += text;
      const auto lines = std::count(whole.begin(), whole.end(), '\n') + (whole.back() != '\n');
      const auto service = poem(text, {.delay = 1s, .repeat = rounds});
      const auto facts = facts_of(*service);
      EXPECT_EQ(facts.bytes, whole.size());
      EXPECT_EQ(facts.lines, static_cast<std::uint64_t>(lines)) << text << " x " << rounds;
      EXPECT_EQ(facts.sha256, digest_of(whole)) << text << " x " << rounds;
      EXPECT_EQ(facts.delay, 1s);
    }
  }
}

TEST(Catalog, WaitsForFactsThatAreBeingFoundOut) {
  const auto large = std::make_shared<const PoemService>(base::SealedText::copy("a\n"), Pacing{});
  const auto service = serve([&large] {
    return std::vector<CatalogEntry>{{"127.0.0.1", 10000, "poem", "a.txt", large}};
  });
  const auto session = service->open({}, support::epoch);
  EXPECT_GT(std::get<Listen>(session->next(support::epoch)).until, support::epoch);
  EXPECT_FALSE(large->facts());
  { const FactFinder finder({large}); }  // which may be stopped before its end; then one is left
  large->find_facts(false);
  EXPECT_TRUE(std::holds_alternative<Write>(session->next(support::epoch)));
}

TEST(PoemFacts, AreNotFoundOutByWhoIsStopped) {
  const PoemService stopped(base::SealedText::copy("a\n"), Pacing{});
  stopped.find_facts(true);
  EXPECT_FALSE(stopped.facts());
}

TEST(PoemFacts, OfALargePoemAreTheSame) {
  const std::string text(1'000'003, 'y');
  EXPECT_EQ(facts_of(*poem(text, {.repeat = 2})).sha256, digest_of(text + text));
}

TEST(PoemFacts, OfAnEmptyPoemAreNothing) {
  for (const std::uint64_t rounds : {0, 1, 5}) {
    const auto service = poem("", {.repeat = rounds});
    EXPECT_EQ(facts_of(*service).bytes, 0U);
    EXPECT_EQ(facts_of(*service).lines, 0U);
    EXPECT_EQ(facts_of(*service).sha256, digest_of(""));
  }
}

TEST(PoemFacts, ADigestThatWouldTakeTooLongIsLeftOut) {
  const auto large = poem("ab\n", {.repeat = max_hashed});
  EXPECT_EQ(facts_of(*large).bytes, 3 * max_hashed);
  EXPECT_EQ(facts_of(*large).lines, max_hashed);
  EXPECT_FALSE(facts_of(*large).sha256);
  const auto uncountable = poem("ab\n", {.repeat = ~std::uint64_t{0}});
  EXPECT_FALSE(facts_of(*uncountable).bytes);
  EXPECT_FALSE(facts_of(*uncountable).lines);
}

}  // namespace
}  // namespace poetry::session
