#include "session/log_tail.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

namespace poetry::session {
namespace {

constexpr std::size_t piece_bytes = std::size_t{16} << 10;
static_assert(piece_bytes >= 2 * LogFile::overlap);
/// Files that were left and whose place is remembered: more than the old versions that anybody
/// renames back, beside all that may be found and left in one look, among which one that was read
/// before can come last.
constexpr std::size_t max_left = LogWatch::max_renamed + 64;

}  // namespace

LogTail::LogTail(std::string path, Notice notice) : path_(std::move(path)), watch_(path_, notice) {}

std::vector<std::string> LogTail::start(base::TimePoint now, std::size_t lines) {
  const auto found = find_log_file(path_);
  if (!started_) found_ = found;
  if (started_ || found.state == FoundFile::State::refused) return {};
  if (found.state == FoundFile::State::absent) absent_since_ = now - linger;
  buffer_.resize(piece_bytes);
  watch_.renew();
  std::vector<std::string> last;
  if (found.state == FoundFile::State::file) {
    auto file = LogFile::open(path_);
    if (!file) return {};
    last = file->skip_to_end(lines);
    take_up(std::move(*file), now, {});
  }
  started_ = true;
  return last;
}

bool LogTail::look(base::TimePoint now, std::size_t budget, const LogLineSink& sink) {
  find_files(now, sink);
  for (auto& followed : files_) {
    if (read(followed, now, budget, sink)) return true;
  }
  leave_quiet(now, sink);
  return false;
}

std::string LogTail::trouble(base::TimePoint now) const {
  if (found_.state == FoundFile::State::refused) {
    const auto why =
        found_.error == 0 ? "it is no regular file" : std::generic_category().message(found_.error);
    return "cannot follow " + path_ + ": " + why;
  }
  if (is_there() || now - absent_since_ < linger) return {};
  const auto folder = std::filesystem::path(path_).parent_path();
  const bool without_folder = !folder.empty() && !std::filesystem::exists(folder);
  return "waiting for " + path_ + ": " + (without_folder ? "its folder" : "it") + " does not exist";
}

/// Opens what is new, and puts last what has the log's name.
void LogTail::find_files(base::TimePoint now, const LogLineSink& sink) {
  watch_.renew();
  watch_.take_events();
  for (auto& followed : files_) {
    if (followed.watch < 0) followed.watch = watch_.watch(followed.file.fd());
  }
  for (const auto& path : watch_.take_renamed()) open_new(path, now, sink);
  const bool was_there = is_there();
  found_ = find_log_file(path_);
  if (found_.state != FoundFile::State::absent) absent_since_ = base::never;
  if (found_.state == FoundFile::State::absent) absent_since_ = std::min(absent_since_, now);
  if (!is_there() && was_there && !files_.empty()) files_.back().alive = now;
  if (!is_there()) return;
  if (const auto known = find(found_.identity); known != files_.end()) {
    if (&*known == &files_.back()) return;
    files_.back().alive = now;
    files_.splice(files_.end(), files_, known);
  } else {
    open_new(path_, now, sink);
  }
}

/// Takes up the file of this name unless it is known.
void LogTail::open_new(const std::string& path, base::TimePoint now, const LogLineSink& sink) {
  auto file = LogFile::open(path);
  if (file && find(file->identity()) == files_.end()) take_up(std::move(*file), now, sink);
}

LogTail::Files::iterator LogTail::find(const FileIdentity& identity) {
  return std::find_if(files_.begin(), files_.end(), [&identity](const Followed& followed) {
    return followed.file.identity() == identity;
  });
}

/// Makes it the last one.
void LogTail::take_up(LogFile file, base::TimePoint now, const LogLineSink& sink) {
  if (const auto at = std::ranges::find(left_, file.identity(), &LogPlace::identity);
      at != left_.end()) {
    file.resume(std::move(*at));
    left_.erase(at);
  }
  if (!files_.empty()) files_.back().alive = now;
  const int watch = watch_.watch(file.fd());
  files_.push_back({std::move(file), watch, now});
  if (files_.size() > max_replaced + 1) leave(files_.begin(), sink);
}

bool LogTail::read(Followed& followed, base::TimePoint now, std::size_t& budget,
                   const LogLineSink& sink) {
  while (budget > 0) {
    const auto size = followed.file.read(buffer_, sink);
    if (size > 0) followed.alive = now;
    if (size < buffer_.size() - LogFile::overlap) return false;
    budget -= std::min(budget, size);
  }
  return true;
}

void LogTail::leave_quiet(base::TimePoint now, const LogLineSink& sink) {
  for (auto at = files_.begin(); at != files_.end();) {
    const bool last = &*at == &files_.back();
    const bool useless = !last || (!is_there() && at->file.unlinked());
    at = useless && base::later(at->alive, linger) <= now ? leave(at, sink) : std::next(at);
  }
}

LogTail::Files::iterator LogTail::leave(Files::iterator at, const LogLineSink& sink) {
  auto everything = std::numeric_limits<std::size_t>::max();
  read(*at, {}, everything, sink);
  at->file.finish(sink);
  watch_.unwatch(at->watch);
  if (!at->file.unlinked()) left_.push_back(at->file.place());
  if (left_.size() > max_left) left_.pop_front();
  return files_.erase(at);
}

}  // namespace poetry::session
