// The tables of a store, and how older ones become them.
#pragma once

#include "database.hpp"

namespace poetry {

/// The version that this program makes and knows.
inline constexpr std::int64_t schema_version = 1;

/// Makes the tables or brings them up to date, each step in one transaction. Raises DatabaseError,
/// also where they are a newer version's.
void bring_up_to_date(Database& database);

}  // namespace poetry
