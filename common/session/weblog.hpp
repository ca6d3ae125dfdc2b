// The weblog service: records appended to a web server's log, live, to every client alike. A client
// that is too slow is told how many it missed. Its sessions end when the client half-closes or the
// server drains.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/shared_memory.hpp"
#include "session/log_stream.hpp"
#include "session/log_tail.hpp"
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

/// Opens the log at the first open() or refresh(), and "from now on" is then. One thread calls
/// open(), refresh() and drain(); sessions may be stepped by others meanwhile, since all that they
/// share with the service is the history, which guards itself.
class WeblogService : public Service {
 public:
  WeblogService(const std::string& path, const WeblogSettings& settings,
                const HistoryLimits& limits = {});
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override;
  Refresh refresh(base::TimePoint now) override;
  void drain() override { history_.close(); }

 private:
  /// What was said of the log, by any process: once.
  struct Told {
    std::atomic<bool> trouble{false};
    std::atomic<std::uint64_t> hole{0};
    std::atomic<bool> polling{false};
  };

  void start(base::TimePoint now);
  Refresh follow_stream(base::TimePoint now);
  void tell_trouble(base::TimePoint now);
  [[nodiscard]] bool waits_for_clients(base::TimePoint now) const;
  void add(const LogLine& line) { history_.add(record_text(line, settings_.format)); }

  std::string path_;
  WeblogSettings settings_;
  std::shared_ptr<Told> told_ = base::make_shared_memory<Told>();
  std::optional<LogStream> stream_;  // or else:
  LogTail tail_;
  RecordHistory history_;
  base::TimePoint burst_since_ =
      base::never;  // since when every look has left some of the log unread
};

}  // namespace poetry::session
