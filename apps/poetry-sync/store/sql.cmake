# Makes store/sql.hpp of the .sql files beside this one. What a line "--:NAME" stands above is one
# text of them; other lines of comment are for readers, and the semicolon at a text's end for tools.

# texts(OUT FROM BETWEEN BEGIN): each text behind BEGIN, in which \1 is its name, and BETWEEN.
function(texts out from between begin)
  file(READ ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${from}.sql text)
  string(REGEX REPLACE "\n-- [^\n]*" "" text "\n${text}")
  string(REGEX REPLACE ";?\n+$" "" text "${text}")
  string(REGEX REPLACE ";?\n+--:([a-z_0-9]+)\n?" ")sql\"${between}\n${begin}R\"sql(" text "${text}")
  string(REGEX REPLACE "^[^\n]*\n(.*)$" "\\1" text "${text}")
  set(${out} "${text})sql\"" PARENT_SCOPE)
endfunction()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS poetry-sync/store/postgres.sql
             poetry-sync/store/schema.sql poetry-sync/store/sqlite.sql
             poetry-sync/store/statements.sql poetry-sync/store/terms.sql)
texts(terms terms "}," "{\"\\1\", ")
texts(sqlite sqlite "}," "{\"\\1\", ")
texts(postgres postgres "}," "{\"\\1\", ")
texts(schema schema "," "")
texts(statements statements ";" "inline constexpr std::string_view \\1 = ")
file(CONFIGURE OUTPUT sync/store/sql.hpp CONTENT
"#pragma once
#include <array>
#include <string_view>
#include <utility>
namespace poetry::sync::store {
using Term = std::pair<std::string_view, std::string_view>;
inline constexpr auto sqlite_terms = std::to_array<Term>({
@sqlite@},
@terms@}});
inline constexpr auto postgres_terms = std::to_array<Term>({
@postgres@},
@terms@}});
/// The statements that make a version of the one before, an empty line between two of them.
inline constexpr auto schema_steps = std::to_array<std::string_view>({
@schema@});
namespace statement {
@statements@;
}
}
" @ONLY)
