#include "base/sealed_text.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <limits>
#include <system_error>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"

namespace poetry::base {
namespace {

constexpr std::size_t buffer_size = 256 * 1024;  // few system calls a file, little beside it

Fd make_memfd(std::string_view name) {
  return opened(::memfd_create("poem", MFD_CLOEXEC | MFD_ALLOW_SEALING), "hold", name);
}

/// In bytes, as the kernel estimates it (proc(5), MemAvailable) and the process's group may have it
/// (cgroup v2, memory.max and memory.current); a great deal where neither is told.
std::uint64_t available_memory() {
  std::uint64_t available = std::numeric_limits<std::uint64_t>::max();
  std::ifstream about("/proc/meminfo");
  std::uint64_t kib = 0;
  for (std::string word; about >> word;)
    if (word == "MemAvailable:" && about >> kib) available = kib << 10;
  std::uint64_t max = 0;
  std::uint64_t current = 0;
  std::ifstream("/sys/fs/cgroup/memory.current") >> current;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> max && max > current)
    available = std::min(available, max - current);
  return available;
}

void hold(int memory, std::string_view bytes, std::string_view name) {
  const auto error = write_fully(memory, bytes);
  if (error) throw std::system_error(error, "hold " + std::string(name));
}

}  // namespace

std::shared_ptr<const SealedText> SealedText::read(const std::string& path, std::uint64_t max) {
  // What waits for a writer, or has no end, is opened without waiting, and refused.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) throw_errno("open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) < 0) throw_errno("read", path);
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
    throw std::system_error(ENOTSUP, std::generic_category(), "read " + path + ", no regular file");
  if (max == 0) max = available_memory() / 2;
  const auto refuse_beyond = [&](std::uint64_t bytes) {
    if (bytes <= max) return;
    throw std::system_error(EFBIG, std::generic_category(),
                            "read " + path + ", of more than " + format_size(max));
  };
  refuse_beyond(static_cast<std::uint64_t>(status.st_size));
  std::uint64_t total = 0;
  Fd memory = make_memfd(path);
  const auto buffer = std::make_unique<std::array<char, buffer_size>>();
  for (;;) {
    const auto count = ::read(file.get(), buffer->data(), buffer->size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", path);
    if (count == 0) break;
    refuse_beyond(total += static_cast<std::uint64_t>(count));
    hold(memory.get(), {buffer->data(), static_cast<std::size_t>(count)}, path);
  }
  return std::shared_ptr<const SealedText>(new SealedText(memory.get(), path));
}

std::shared_ptr<const SealedText> SealedText::copy(std::string_view bytes) {
  Fd memory = make_memfd("text");
  hold(memory.get(), bytes, "text");
  return std::shared_ptr<const SealedText>(new SealedText(memory.get(), "text"));
}

SealedText::~SealedText() {
  if (size_ != 0) ::munmap(const_cast<char*>(data_), size_);
}

/// Seals the memory against every change, and maps it, which keeps it.
SealedText::SealedText(int memory, std::string_view name) {
  constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  struct stat status {};
  if (::fcntl(memory, F_ADD_SEALS, seals) < 0 || ::fstat(memory, &status) < 0)
    throw_errno("seal", name);
  if (status.st_size == 0) return;
  const auto size = static_cast<std::size_t>(status.st_size);
  // Private, since kernels before 6.7 refuse to share a mapping of write-sealed memory; nothing
  // writes to it, so its pages are the memfd's own.
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, memory, 0);
  if (address == MAP_FAILED) throw_errno("map", name);
  data_ = static_cast<const char*>(address);
  size_ = size;
}

}  // namespace poetry::base
