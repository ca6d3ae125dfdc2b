#include "fetch/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"

namespace poetry {
namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;

Fd open_unnamed() {
  const char* const set = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const std::string directory = set != nullptr && *set != '\0' ? set : "/tmp";
  Fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // Not every file system has unnamed files.
  std::string path = directory + "/poetry-get-XXXXXX";
  file = Fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) throw_errno("make a temporary file in", directory);
  ::unlink(path.c_str());
  return file;
}

}  // namespace

void Spool::append(std::size_t task, std::string_view bytes) {
  Held& held = tasks_[task];
  held.text.append(bytes);
  in_memory_ += bytes.size();
  if (held.text.size() > most_of_a_task || in_memory_ > most_in_all) write_out(held);
}

void Spool::write_out(Held& held) {
  if (!file_) file_ = open_unnamed();
  const std::int64_t start = end_;
  for (std::string_view left = held.text; !left.empty();) {
    const auto count = ::pwrite(file_.get(), left.data(), left.size(), end_);
    if (count < 0 && errno != EINTR) throw_errno("write to", "a temporary file");
    if (count < 0) continue;
    end_ += count;
    left.remove_prefix(static_cast<std::size_t>(count));
  }
  in_memory_ -= held.text.size();
  held.text = {};
  if (!held.extents.empty() && held.extents.back().offset + held.extents.back().size == start) {
    held.extents.back().size += end_ - start;
  } else {
    held.extents.push_back({start, end_ - start});
  }
}

void Spool::discard(std::size_t task) {
  Held& held = tasks_[task];
  for (const Extent& extent : held.extents) release(extent);
  in_memory_ -= held.text.size();
  held = {};
}

// Gives the space back; a file system that cannot do so keeps it until the end.
void Spool::release(const Extent& extent) {
  ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, extent.offset, extent.size);
}

void Spool::drain(std::size_t task, const std::function<void(std::string_view)>& take) {
  std::string piece;
  for (const Extent& extent : tasks_[task].extents) {
    for (std::int64_t done = 0; done < extent.size;) {
      piece.resize(std::min(piece_bytes, static_cast<std::size_t>(extent.size - done)));
      const auto count = ::pread(file_.get(), piece.data(), piece.size(), extent.offset + done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw_errno("read from", "a temporary file");
      take(std::string_view(piece).substr(0, static_cast<std::size_t>(count)));
      done += count;
    }
  }
  if (!tasks_[task].text.empty()) take(tasks_[task].text);
  discard(task);
}

}  // namespace poetry
