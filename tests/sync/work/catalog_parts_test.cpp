// What a collection's parts are, by its catalog.
#include "poetry-sync/work/catalog_parts.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace poetry::sync::work {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::ThrowsMessage;

const net::HostPort asked{"127.0.0.1", 10000};

TEST(CatalogParts, AreItsPoemsInTheirOrder) {
  const std::string digest(64, 'a');
  const auto parts = parts_in_catalog(
      R"([{"host": "127.0.0.1", "port": 1, "service": "poem", "bytes": 20, "sha256": ")" + digest +
          R"("}, {"host": "127.0.0.1", "port": 2, "service": "echo"},
          {"host": "0.0.0.0", "port": 3, "service": "poem", "name": "an \n ode"}])",
      asked, 20);
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(parts[0].number, 0);
  EXPECT_EQ(parts[0].address, "127.0.0.1:1");
  EXPECT_EQ(parts[0].name, "127.0.0.1:1");
  EXPECT_EQ(parts[0].expected, 20);
  EXPECT_EQ(parts[0].sha256, digest);
  EXPECT_EQ(parts[1].number, 1);
  EXPECT_EQ(parts[1].address, "127.0.0.1:3");
  EXPECT_EQ(parts[1].name, "an \uFFFD ode");
  EXPECT_EQ(parts[1].expected, std::nullopt);
  EXPECT_THAT(parts[1].sha256, IsEmpty());
}

TEST(CatalogParts, AreCalledByTheirAddressWhereTheirNameIsNotTheirsAlone) {
  const auto parts = parts_in_catalog(
      R"([{"host": "127.0.0.1", "port": 1, "service": "poem", "name": "ode"},
          {"host": "127.0.0.1", "port": 2, "service": "poem", "name": "ode"}])",
      asked, 1);
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(parts[0].name, "ode");
  EXPECT_EQ(parts[1].name, "127.0.0.1:2");
}

TEST(CatalogParts, RefuseMoreBytesThanARecordMayHave) {
  for (const auto* bytes : {"21", "18446744073709551615", "9223372036854775807"}) {
    EXPECT_THAT(
        [bytes] {
          parts_in_catalog(
              std::string(R"([{"host": "127.0.0.1", "port": 1, "service": "poem", "bytes": )") +
                  bytes + R"(}, {"host": "127.0.0.1", "port": 2, "service": "poem", "bytes": 9}])",
              asked, 20);
        },
        ThrowsMessage<std::runtime_error>("promises more than 20 bytes"))
        << bytes;
  }
}

TEST(CatalogParts, PassOverWhatIsStored) {
  const std::string digest(64, 'a');
  const auto part = [&](std::int64_t number, const std::string& address, std::int64_t bytes) {
    return store::Part{
        .number = number, .name = "p", .address = address, .expected = bytes, .sha256 = digest};
  };
  auto stored = std::vector{part(0, "a", 5), part(1, "b", 5), part(2, "c", 5), part(3, "d", 5)};
  for (auto& each : stored) each.bytes = 5;
  for (std::size_t i = 0; i < 3; ++i) stored[i].complete = true;
  stored[1].source = {7, 4};
  auto parts = std::vector{part(0, "b", 5), part(1, "c", 6), part(2, "d", 5), part(3, "a", 5),
                           part(4, "e", 5)};
  parts[3].expected.reset();
  pass_over_unchanged(parts, 9, stored);
  EXPECT_TRUE(parts[0].complete);
  EXPECT_EQ(parts[0].bytes, 5);
  EXPECT_EQ(parts[0].source->job, 7);
  EXPECT_EQ(parts[0].source->part, 4);
  for (std::size_t i = 1; i < parts.size(); ++i) EXPECT_FALSE(parts[i].complete) << i;
  parts = {part(0, "a", 5)};
  pass_over_unchanged(parts, 9, stored);
  EXPECT_EQ(parts[0].source->job, 9);
  EXPECT_EQ(parts[0].source->part, 0);
}

TEST(CatalogParts, RefuseWhatIsNoCatalog) {
  EXPECT_THAT([] { parts_in_catalog("a poem\n", asked, 1); },
              ThrowsMessage<std::runtime_error>(HasSubstr("no JSON")));
}

}  // namespace
}  // namespace poetry::sync::work
