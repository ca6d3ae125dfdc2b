#include "poetry-sync/store/rows.hpp"
#include "sync/store/store_fixture.hpp"

namespace poetry::sync::store {
namespace {

class SchemaTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { database_ = open_database(new_database(GetParam(), folder_)); }

  std::int64_t version() {
    std::int64_t found = 0;
    database_->transact(Access::read, [&](Transaction& sql) {
      const auto rows = sql("SELECT version FROM schema");
      EXPECT_EQ(rows.size(), 1U);
      found = rows.at(0).integer(0);
    });
    return found;
  }

  support::TemporaryDirectory folder_;
  std::unique_ptr<Database> database_;
};

constexpr std::string_view first_step =
    "CREATE TABLE things (id {id}, body {blob});\n\nINSERT INTO things (body) VALUES (NULL)";
constexpr std::string_view second_step =
    "ALTER TABLE things ADD COLUMN name TEXT NOT NULL DEFAULT 'unnamed'";
constexpr std::string_view broken =
    "CREATE TABLE others (id {id});\n\nINSERT INTO nothing VALUES (1)";

TEST_P(SchemaTest, IsMadeOnce) {
  Store(*database_).records();
  EXPECT_EQ(version(), schema_version);
  Store store(*database_);
  const auto id = store.add({.type = RecordType::poem, .address = "host:1", .name = "kept"}).id;
  EXPECT_EQ(Store(*database_).record(id).name, "kept");
  EXPECT_EQ(version(), schema_version);
}

TEST_P(SchemaTest, StepsUpFromWhatIsThere) {
  const std::vector<std::string_view> steps{first_step, second_step};
  bring_up_to_date(*database_, std::span(steps).first(1));
  EXPECT_EQ(version(), 1);
  bring_up_to_date(*database_, steps);
  EXPECT_EQ(version(), 2);
  database_->transact(Access::read, [](Transaction& sql) {
    EXPECT_EQ(sql("SELECT name FROM things").at(0).text(0), "unnamed");
  });
}

TEST_P(SchemaTest, AStepThatFailsIsUndoneAndThoseBeforeAreKept) {
  const std::vector<std::string_view> steps{first_step, broken};
  EXPECT_THROW(bring_up_to_date(*database_, steps), DatabaseError);
  EXPECT_EQ(version(), 1);
  const std::vector<std::string_view> mended{first_step, "CREATE TABLE others (id {id})"};
  EXPECT_NO_THROW(bring_up_to_date(*database_, mended));
  EXPECT_EQ(version(), 2);
}

TEST_P(SchemaTest, ANewerOneIsRefused) {
  Store(*database_).records();
  database_->transact(Access::write, [](Transaction& sql) {
    sql("UPDATE schema SET version = $1", {schema_version + 1});
  });
  try {
    Store store(*database_);
    FAIL();
  } catch (const DatabaseError& error) {
    EXPECT_EQ(error.kind(), DatabaseError::Kind::lasting);
    EXPECT_NE(std::string(error.what()).find("use a newer poetry-sync"), std::string::npos);
  }
  EXPECT_EQ(version(), schema_version + 1);
}

OVER_EVERY_DATABASE(SchemaTest);

TEST(DatabaseUrl, KeepsItsPasswordToItself) {
  for (const std::string url :
       {"postgresql://me:se@cret@host/db", "postgresql:///db?password=se@cret",
        "postgresql://host/db?a=b&PassWord=se@cret&c=d", "postgresql://h/db?sslpassword=se@cret"}) {
    const auto shown = without_passwords("no " + url + ": se@cret", url);
    EXPECT_EQ(shown.find("se@cret"), std::string::npos) << shown;
    EXPECT_NE(shown.find("***"), std::string::npos) << shown;
    EXPECT_EQ(without_passwords(url, url).find("se@cret"), std::string::npos) << url;
  }
  for (const std::string url :
       {"postgresql://me@host:5432/db", "postgresql://host:5432/db?options=a@b", "sqlite:/a:b@c"}) {
    EXPECT_EQ(without_passwords(url, url), url);
  }
  try {
    open_database("postgresqll://me:host@host/db");
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("postgresqll://me:***@host/db"), std::string::npos);
  }
}

}  // namespace
}  // namespace poetry::sync::store
