// The tables of a store, and how older ones become them.
#pragma once

#include "store/database.hpp"

namespace poetry::sync::store {

/// The version that this program makes and knows.
inline constexpr std::int64_t schema_version = 5;

/// The statements that make a version of the one before; {id} and {blob} stand for what differs,
/// "triggers" for all of the dialect's.
using SchemaStep = std::vector<std::string>;

/// Makes the tables or brings them up to date, each step in one transaction, also where several
/// processes begin at once. Raises DatabaseError, also where they are a newer version's.
void bring_up_to_date(Database& database);
/// The same by other steps, of which the first makes version 1.
void bring_up_to_date(Database& database, std::span<const SchemaStep> steps);

}  // namespace poetry::sync::store
