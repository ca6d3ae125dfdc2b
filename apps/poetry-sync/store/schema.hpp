// The tables of a store, and how older ones become them.
#pragma once

#include "store/database.hpp"

namespace poetry::sync::store {

/// The version that this program makes and knows.
extern const std::int64_t schema_version;

/// Makes the tables or brings them up to date, each step in one transaction, also where several
/// processes begin at once. Raises DatabaseError, also where they are a newer version's.
void bring_up_to_date(Database& database);
/// The same by other steps, of which the first makes version 1: statements with terms in braces, an
/// empty line between two of them.
void bring_up_to_date(Database& database, std::span<const std::string_view> steps);

}  // namespace poetry::sync::store
