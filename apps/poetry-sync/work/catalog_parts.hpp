// What a collection consists of, by its server's catalog. Free functions.
#pragma once

#include <string_view>
#include <vector>

#include "net/address.hpp"
#include "store/store.hpp"

namespace poetry::sync::work {

/// The parts that a catalog from this place names, numbered from 0. Raises std::runtime_error for
/// what is no catalog, and for one that names another host, since a catalog must not make this
/// machine connect to whomever it likes. Asks the resolver.
std::vector<store::Part> parts_in_catalog(std::string_view text, const net::HostPort& from);

}  // namespace poetry::sync::work
