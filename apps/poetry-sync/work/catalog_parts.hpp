// What a collection consists of, by its server's catalog. Free functions.
#pragma once

#include <string_view>
#include <vector>

#include "net/address.hpp"
#include "store/store.hpp"

namespace poetry::sync::work {

/// The parts that a catalog from this place names, numbered from 0, each called as the catalog
/// does, or by its address where that is no name of its own. Raises std::runtime_error for what is
/// no catalog, and for one that promises more than so many poems or bytes.
std::vector<store::Part> parts_in_catalog(std::string_view text, const net::HostPort& from,
                                          std::uint64_t max_bytes);

/// Has those parts that an earlier job stored with the bytes and the SHA-256 that they are to have
/// complete from there, so that they need not be fetched.
void pass_over_unchanged(std::vector<store::Part>& parts, store::Id earlier,
                         const std::vector<store::Part>& stored);

}  // namespace poetry::sync::work
