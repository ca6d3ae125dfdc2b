#include "session/weblog.hpp"

#include <algorithm>
#include <atomic>

#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/shared_memory.hpp"
#include "session/log_stream.hpp"
#include "session/log_tail.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

/// Of the log, in one look. Less than a client takes in a turn, so that a fast client keeps up with
/// the fastest log.
constexpr std::size_t bytes_per_look = std::size_t{16} << 10;
/// While clients catch up with a burst, their progress is looked at so often.
constexpr auto client_wait = std::chrono::milliseconds(1);
/// But no burst waits longer, whatever its clients do: what is truncated before it was read is
/// lost.
constexpr auto longest_wait = std::chrono::seconds(1);

LogFormat parse_log_format(std::string_view text) {
  if (text == "line") return LogFormat::line;
  if (text == "xml") return LogFormat::xml;
  if (text == "json") return LogFormat::json;
  throw base::UsageError("unknown format (valid: line, xml, json)", text);
}

base::Duration parse_poll(std::string_view text) {
  const auto poll = base::parse_duration(text);
  if (poll < std::chrono::milliseconds(1)) throw base::UsageError("less than 1ms", text);
  return poll;
}

class WeblogSession : public Session {
 public:
  /// `history` belongs to the service, which outlives its sessions.
  WeblogSession(RecordHistory& history, LogFormat format, std::uint64_t first)
      : history_(history), format_(format) {
    taken_.next = first;
  }

  Step next(base::TimePoint /*now*/) override {
    switch (state_) {
      case State::opening:
        state_ = State::following;
        if (const auto text = opening_text(format_); !text.empty()) return Write{text};
        [[fallthrough]];
      case State::following:
        return follow();
      case State::marked:
        state_ = State::following;
        return write_taken();
      default:
        return Finish{};
    }
  }

  void receive(std::string_view bytes) override {
    if (bytes.empty()) until_ = history_.end();
  }

 private:
  enum class State { opening, following, marked, closed };

  Step follow() {
    taken_ = history_.take(taken_.next, until_);
    if (taken_.missed > 0) {
      state_ = State::marked;
      marker_ = (in_line_ ? "\n" : "") + missed_text(taken_.missed, format_);
      return Write{marker_};
    }
    return write_taken();
  }

  Step write_taken() {
    if (const auto text = taken_.text(); !text.empty()) {
      in_line_ = text.back() != '\n';
      return Write{text};
    }
    if (!taken_.last) {
      taken_.copies.shrink_to_fit();  // who waits, holds no memory
      return Listen{};
    }
    state_ = State::closed;
    if (const auto text = closing_text(format_); !text.empty()) return Write{text};
    return Finish{};
  }

  RecordHistory& history_;
  LogFormat format_;
  State state_ = State::opening;
  TakenRecords taken_;    // holds what is being written
  std::string marker_;    // likewise
  bool in_line_ = false;  // the last record was a piece of a line
  std::uint64_t until_ = RecordHistory::no_end;
};

/// Opens the log at the first open() or refresh(), and "from now on" is then. One thread calls
/// open(), refresh() and drain(); sessions may be stepped by others meanwhile, since all that they
/// share with the service is the history, which guards itself.
class WeblogService : public Service {
 public:
  WeblogService(const std::string& path, const WeblogSettings& settings,
                const HistoryLimits& limits)
      : path_(path), settings_(settings), tail_(path), history_(limits) {
    if (LogStream::is_one(path)) stream_.emplace(path);
  }

  std::unique_ptr<Session> open(const Peer& /*peer*/, base::TimePoint now) override {
    start(now);
    return std::make_unique<WeblogSession>(history_, settings_.format,
                                           history_.from_end(settings_.backlog));
  }

  Refresh refresh(base::TimePoint now) override {
    start(now);
    if (!stream_) tell_trouble(now);
    const auto poll_at = stream_ ? base::never : base::later(now, settings_.poll);
    if (!stream_ && !tail_.started()) return {poll_at};
    if (waits_for_clients(now)) return {base::later(now, client_wait), false, -1};
    const auto before = history_.end();
    const auto take = [this](const LogLine& line) { add(line); };
    const bool more =
        stream_ ? stream_->look(bytes_per_look, take) : tail_.look(now, bytes_per_look, take);
    burst_since_ = more ? std::min(burst_since_, now) : base::never;
    if (stream_ && stream_->ended() && !told_->trouble.exchange(true))
      base::log_warn("{} has ended", path_);
    return {more ? now : poll_at, history_.end() != before,
            stream_ ? stream_->readable() : tail_.readable()};
  }

  void drain() override { history_.close(); }

 private:
  /// What was said of the log, by any process: once.
  struct Told {
    std::atomic<bool> trouble{false};
    std::atomic<std::uint64_t> hole{0};
    std::atomic<bool> polling{false};
  };

  void tell_trouble(base::TimePoint now) {
    const auto trouble = tail_.trouble(now);
    if (!trouble.empty()) {
      if (!told_->trouble.exchange(true)) base::log_warn("{}", trouble);
    } else if (told_->trouble.exchange(false)) {
      base::log_info("{} is followed", path_);
    }
    if (const auto hole = tail_.hole(); hole > 0 && told_->hole.exchange(hole) != hole)
      base::log_warn("{} begins with {} NULs, which are left out", path_, hole);
    if (tail_.started() && tail_.readable() < 0 && !told_->polling.exchange(true)) {
      base::log_warn("{} is looked at every {}: inotify is not to be had", path_,
                     base::format_duration(settings_.poll));
    }
  }

  /// A burst of the log that is larger than the history is read no faster than a client takes it.
  [[nodiscard]] bool waits_for_clients(base::TimePoint now) const {
    return burst_since_ != base::never && now < base::later(burst_since_, longest_wait) &&
           history_.outruns_readers();
  }

  void start(base::TimePoint now) {
    if (stream_) {
      stream_->start();
      return;
    }
    for (const auto& line :
         tail_.start(now, settings_.backlog == 0 ? 0 : WeblogSettings::max_backlog)) {
      add({line, LogLine::Kind::whole});
    }
  }

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

}  // namespace

std::shared_ptr<Service> make_weblog(const std::string& path, const WeblogSettings& settings,
                                     const HistoryLimits& limits) {
  return std::make_shared<WeblogService>(path, settings, limits);
}

ServiceKind weblog_kind() {
  static const Setters<WeblogSettings> setters{
      {"backlog",
       [](WeblogSettings& s, std::string_view v) {
         s.backlog = base::parse_count(v, "count", 0, WeblogSettings::max_backlog);
       }},
      {"format", [](WeblogSettings& s, std::string_view v) { s.format = parse_log_format(v); }},
      {"poll", [](WeblogSettings& s, std::string_view v) { s.poll = parse_poll(v); }}};
  return kind_with(setters, "weblog", "FILE",
                   [](const ServiceSpec& spec, const WeblogSettings& settings) {
                     if (!LogStream::is_one(spec.argument)) require_log_file(spec.argument);
                     return make_weblog(spec.argument, settings);
                   });
}

}  // namespace poetry::session
