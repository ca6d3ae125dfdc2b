// What helps against failures of poetry-get, told by --check beforehand and by a run once a kind.
#pragma once

#include <string_view>

namespace poetry::get {

inline constexpr std::string_view silence_remedy =
    "check the name servers, or give a numeric address";
inline constexpr std::string_view name_remedy =
    "check the name, -4 and -6, or give a numeric address";
inline constexpr std::string_view route_remedy =
    "no interface here leads there: see 'ip route', or choose the other family";
inline constexpr std::string_view room_remedy = "raise that limit, or let --parallel be smaller";
inline constexpr std::string_view ports_remedy = "let --parallel be smaller, or widen that range";
inline constexpr std::string_view spool_remedy = "set TMPDIR to a directory with room";

}  // namespace poetry::get
