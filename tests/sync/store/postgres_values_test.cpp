// Bytes to PostgreSQL's text and back.
#include "poetry-sync/store/postgres_values.hpp"

#include <gtest/gtest.h>

#include "poetry-sync/store/database.hpp"

namespace poetry::sync::store {
namespace {

TEST(Bytea, HasTwoDigitsAByte) {
  EXPECT_EQ(text_of(Blob{""}), "\\x");
  EXPECT_EQ(text_of(Blob{std::string("\0a\xff\n", 4)}), "\\x0061ff0a");
}

TEST(Bytea, GivesBackEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(bytea_bytes(text_of(Blob{all}).value()), all);
  EXPECT_EQ(bytea_bytes("\\x"), "");
  EXPECT_EQ(bytea_bytes("\\x0A61"), "\na");
}

TEST(Bytea, RefusesAnotherFormat) {
  for (const auto* text :
       {"", "x61", "a", "\\", "\\141", "\\\\x", "\\x6", "\\x6g", "\\x 1", "\\x-1"}) {
    EXPECT_THROW(bytea_bytes(text), DatabaseError) << text;
  }
}

}  // namespace
}  // namespace poetry::sync::store
