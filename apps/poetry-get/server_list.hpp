// What the options name and is read and checked before anything is fetched: servers, also those of
// --from files, and the text to send.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/servers.hpp"
#include "net/address.hpp"
#include "options.hpp"

namespace poetry::get {

/// What a run keeps of each task is some 300 bytes.
inline constexpr std::size_t max_tasks = 1'000'000;

/// What a user may write for servers, separated by commas: "[HOST:]PORT", a range of ports
/// "[HOST:]A-B", either behind "tcp://". Raises UsageError naming it and, where it is something
/// else that is written often, what to write.
std::vector<net::HostPort> parse_servers(std::string_view text);

/// The servers of the command line, then those of the --from files in order, a line of which holds
/// what parse_servers() takes and, behind a tab each, a label and a text to send with C escapes.
/// Raises UsageError naming file and line, or that there are too many, and std::system_error. Reads
/// in pieces, and holds no more of a line than 8 KiB.
std::vector<fetch::Server> listed_servers(const GetOptions& options);

/// What to send: the file's bytes or the text with its escapes replaced; none where not asked for.
/// Raises std::system_error naming the file, UsageError naming the escape, or the file where it is
/// too large to be held.
std::optional<std::string> read_send(const GetOptions& options);

}  // namespace poetry::get
