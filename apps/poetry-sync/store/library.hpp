// What a record may be, for the page and the command line alike.
#pragma once

#include <string>

#include "store/store.hpp"

namespace poetry::sync::store {

/// Adds a record of an address "[HOST:]PORT", named like it where the name is empty. Raises
/// UsageError for an address that does not parse or a name beyond 200 bytes, and what Store::add()
/// raises.
SyncRecord add_record(Store& store, RecordType type, const std::string& address,
                      const std::string& name);

}  // namespace poetry::sync::store
