// The weblog service: records appended to a web server's log, live, to every client alike. A client
// that is too slow is told how many it missed. Its sessions end when the client half-closes or the
// server drains.
#pragma once

#include <memory>
#include <string>

#include "session/record_history.hpp"
#include "session/record_text.hpp"
#include "session/session.hpp"

namespace poetry::session {

struct WeblogSettings {
  /// Records before a client's arrival that it may ask for.
  static constexpr std::uint64_t max_backlog = 100;

  LogFormat format = LogFormat::line;
  std::uint64_t backlog = 0;                      ///< the last so many records come first
  base::Duration poll = std::chrono::seconds(1);  ///< the log is looked at at least so often
};

/// Follows the log of this path. `limits` bound what clients may be behind.
std::shared_ptr<Service> make_weblog(const std::string& path, const WeblogSettings& settings,
                                     const HistoryLimits& limits = {});

}  // namespace poetry::session
