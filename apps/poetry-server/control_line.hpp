// A line that the control socket takes: "fault PORT SPEC... | off", "delay PORT DUR", "close
// [PORT:]CONN", "connections" or "stats".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace poetry::server {

struct ControlLine {
  enum class What { fault, delay, close, connections, stats };
  What what = What::stats;
  std::uint16_t port = 0;           ///< which of those that are served; of close, 0 is any
  std::vector<std::string> faults;  ///< "none" alone is no fault
  std::string delay;                ///< as written
  std::uint64_t number = 0;         ///< a connection's, from 1
};

/// Raises UsageError, which says what of the line is wrong; not whether the port is served, or what
/// its service says of the rest.
ControlLine parse_control_line(std::string_view text);

/// The reply that `obey` makes, or "error: " and what it raised, in one line.
std::string reply_to(const std::function<std::string()>& obey);

}  // namespace poetry::server
