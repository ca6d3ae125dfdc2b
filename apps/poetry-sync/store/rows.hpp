// Rows of the store's tables as its structures.
#pragma once

#include <string>

#include "store/store.hpp"

namespace poetry::sync::store {

/// The columns that job_of() takes; a condition follows.
extern const std::string select_jobs;
/// The columns that record_of() takes, with the latest job's; a condition follows.
extern const std::string select_records;

/// Lists of states in SQL: of the jobs that are not over, and of those that a worker has.
extern const std::string active_states;
extern const std::string taken_states;

/// Raises DatabaseError for what is none.
JobState parse_state(const std::string& text);
Job job_of(const Row& row, std::size_t first = 0);
SyncRecord record_of(const Row& row);

/// Locks a record's row until the transaction's end. Whoever begins, ends, cancels or removes a job
/// holds the one of its record, and takes it before any job's: so whether a record has an active
/// job does not change between two of their statements, and they do not wait for each other.
void lock_record(Transaction& sql, const Dialect& dialect, Id id);
/// The same for the record of a job.
void lock_record_of(Transaction& sql, const Dialect& dialect, Id job);

/// Each raises Refusal where there is none.
Job find_job(Transaction& sql, Id id);
SyncRecord find_record(Transaction& sql, Id id);

}  // namespace poetry::sync::store
