// What a collection's parts are, by its catalog; addresses alone, so that no name is resolved.
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
          {"host": "0.0.0.0", "port": 3, "service": "poem"}])",
      asked);
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(parts[0].number, 0);
  EXPECT_EQ(parts[0].address, "127.0.0.1:1");
  EXPECT_EQ(parts[0].name, "127.0.0.1:1");
  EXPECT_EQ(parts[0].expected, 20);
  EXPECT_EQ(parts[0].sha256, digest);
  EXPECT_EQ(parts[1].number, 1);
  EXPECT_EQ(parts[1].address, "127.0.0.1:3");
  EXPECT_EQ(parts[1].expected, std::nullopt);
  EXPECT_THAT(parts[1].sha256, IsEmpty());
}

TEST(CatalogParts, RefuseAnotherHost) {
  EXPECT_THAT(
      [] { parts_in_catalog(R"([{"host": "127.0.0.2", "port": 1, "service": "poem"}])", asked); },
      ThrowsMessage<std::runtime_error>("names another host: 127.0.0.2:1"));
}

TEST(CatalogParts, RefuseWhatIsNoCatalog) {
  EXPECT_THAT([] { parts_in_catalog("a poem\n", asked); },
              ThrowsMessage<std::runtime_error>(HasSubstr("no JSON")));
}

}  // namespace
}  // namespace poetry::sync::work
