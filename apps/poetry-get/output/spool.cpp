#include "output/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace poetry::get::output {
namespace {

constexpr std::size_t piece_bytes = std::size_t{256} << 10;
constexpr std::int64_t head_bytes = 16;

// A number or a head as it stands in the file, which nobody else reads.
template <typename Kind>
std::string bytes_of(const Kind& value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

base::Fd open_unnamed(const std::string& directory) {
  base::Fd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  // Not every file system has unnamed files.
  std::string path = directory + "/poetry-get-XXXXXX";
  file = base::opened(::mkostemp(path.data(), O_CLOEXEC), "make a temporary file in", directory);
  ::unlink(path.c_str());
  return file;
}

}  // namespace

std::string spool_directory() {
  const char* const set = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return set != nullptr && *set != '\0' ? set : "/tmp";
}

void Spool::append(std::size_t task, std::string_view bytes) {
  Held& held = tasks_[task];
  if (held.text.size() + bytes.size() > max_of_a_task) write_out(held);
  if (in_memory_ + bytes.size() > max_in_all) {
    // All at once, for then each has as much to write as can be.
    for (auto& [each, its] : tasks_) write_out(its);
  }
  held.text.append(bytes);
  held.size += bytes.size();
  in_memory_ += bytes.size();
}

void Spool::write_out(Held& held) {
  if (held.text.empty()) return;
  if (!file_) file_ = open_unnamed(directory_ = spool_directory());
  const Head head{none, static_cast<std::int64_t>(held.text.size())};
  write_at(end_, bytes_of(head));
  write_at(end_ + head_bytes, held.text);
  if (held.last != none) write_at(held.last, bytes_of(end_));  // its head's `next`
  if (held.first == none) held.first = end_;
  held.last = end_;
  end_ += head_bytes + head.size;
  in_file_ += head_bytes + head.size;
  in_memory_ -= held.text.size();
  held.text = {};
}

void Spool::write_at(std::int64_t at, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(file_.get(), bytes.data(), bytes.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) base::throw_errno("write to a temporary file in", directory_);
    at += count;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Spool::read_at(std::int64_t at, std::span<char> bytes) {
  while (!bytes.empty()) {
    const auto count = ::pread(file_.get(), bytes.data(), bytes.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) base::throw_errno("read from a temporary file in", directory_);
    at += count;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

Spool::Head Spool::head_at(std::int64_t at) {
  std::array<char, head_bytes> bytes{};
  read_at(at, bytes);
  return std::bit_cast<Head>(bytes);
}

void Spool::discard(std::size_t task) {
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  Held& held = found->second;
  while (held.first != none) release_first(held, head_at(held.first));
  in_memory_ -= held.text.size();
  tasks_.erase(found);
}

// Gives the space back. A file system that cannot do so for a part of a file, or not for one so
// small, does it once the whole file is of no use.
void Spool::release_first(Held& held, const Head& head) {
  const std::int64_t at = std::exchange(held.first, head.next);
  if (held.first == none) held.last = none;
  const std::int64_t size = head_bytes + head.size;
  in_file_ -= size;
  if (in_file_ == 0 && ::ftruncate(file_.get(), 0) == 0) {
    end_ = 0;
  } else {
    ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size);
  }
}

std::string Spool::take(std::size_t task) {
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return {};
  Held& held = found->second;
  std::string piece;
  if (held.first == none) {
    piece = std::move(held.text);
    in_memory_ -= piece.size();
    tasks_.erase(found);
    return piece;
  }
  const Head head = head_at(held.first);
  piece.resize(std::min(piece_bytes, static_cast<std::size_t>(head.size - held.taken)));
  read_at(held.first + head_bytes + held.taken, piece);
  held.taken += static_cast<std::int64_t>(piece.size());
  held.size -= piece.size();
  if (held.taken == head.size) {
    release_first(held, head);
    held.taken = 0;
  }
  return piece;
}

std::uint64_t Spool::size_of(std::size_t task) const {
  const auto found = tasks_.find(task);
  return found == tasks_.end() ? 0 : found->second.size;
}

}  // namespace poetry::get::output
