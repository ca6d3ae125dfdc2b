// The store's statements, and rows of its tables as its structures.
#pragma once

#include <boost/pfr/core.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "store/store.hpp"

namespace poetry::sync::store {

/// A transaction of statements with terms in braces, which stand for what the dialect has there.
struct Sql {
  Transaction& transaction;
  const Dialect& dialect;
  /// Raises DatabaseError.
  Rows operator()(std::string_view statement, std::initializer_list<Value> values = {});
  /// A statement as the database is given it.
  [[nodiscard]] std::string text_of(std::string_view statement) const;
};

/// Database::transact(), and what `work` returned.
template <typename Work>
auto transact(Database& database, Access access, const Work& work) {
  std::optional<std::invoke_result_t<const Work&, Sql&>> result;
  database.transact(access, [&](Transaction& transaction) {
    Sql sql{transaction, database.dialect()};
    result.emplace(work(sql));
  });
  return std::move(*result);
}

/// Raises DatabaseError for what is none.
JobState parse_state(const std::string& text);

/// Puts columns into the members of structures, in the order of both.
struct Columns {
  const Row& row;
  std::size_t next = 0;
  void operator()(std::int64_t& to) { to = row.integer(next++); }
  void operator()(bool& to) { to = row.integer(next++) != 0; }
  void operator()(std::string& to) { to = row.text(next++); }
  void operator()(RecordType& to) { to = parse_record_type(row.text(next++)); }
  void operator()(JobState& to) { to = parse_state(row.text(next++)); }
  void operator()(std::optional<std::int64_t>& to) { to = row.maybe_integer(next++); }
  /// The last one, which is there where its first column is.
  template <typename Structure>
  void operator()(std::optional<Structure>& to) {
    if (row.maybe_integer(next)) boost::pfr::for_each_field((to = Structure{}).value(), *this);
  }
};

/// Rows as structures.
template <typename Structure>
std::vector<Structure> all_of(const Rows& rows) {
  std::vector<Structure> found(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    boost::pfr::for_each_field(found[i], Columns{rows[i]});
  return found;
}

/// What a statement finds, as structures.
template <typename Structure>
std::vector<Structure> read_all(Database& database, std::string_view statement,
                                std::initializer_list<Value> values) {
  return transact(database, Access::read,
                  [&](Sql& sql) { return all_of<Structure>(sql(statement, values)); });
}

/// The version of the tables that this program makes and knows.
extern const std::int64_t schema_version;

/// Makes the tables or brings them up to date by these steps, of which the first makes version 1:
/// statements with terms in braces, an empty line between two of them. Each step is one
/// transaction, also where several processes begin at once. Raises DatabaseError, also where the
/// tables are of a newer version.
void bring_up_to_date(Database& database, std::span<const std::string_view> steps);

/// A pattern of LIKE ... ESCAPE '!' for what has the text in it.
std::string pattern_of(std::string text);

/// Locks a record's row until the transaction's end. Whoever begins, ends, cancels or removes a job
/// holds the one of its record, and takes it before any job's: so whether a record has an active
/// job does not change between two of their statements, and they do not wait for each other.
void lock_record(Sql& sql, Id id);
/// The same for the record of a job.
void lock_record_of(Sql& sql, Id job);

std::vector<Part> parts_of(Sql& sql, Id job);

/// Each raises Refusal where there is none.
Job find_job(Sql& sql, Id id);
SyncRecord find_record(Sql& sql, Id id);

}  // namespace poetry::sync::store
