// An object in memory that this process shares with those it forks off: all of them see and change
// the same one. Each process unmaps its own view when its last pointer goes.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <memory>
#include <new>
#include <type_traits>

#include "base/error.hpp"

namespace poetry {

/// Raises std::system_error. What is shared must be safe to use by several processes at once, as
/// lock-free atomics are.
template <typename T>
std::shared_ptr<T> make_shared_memory() {
  static_assert(std::is_trivially_destructible_v<T>, "the other processes go on using it");
  void* const memory =
      ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_errno("map", "shared memory");
  return {new (memory) T(), [](T* object) { ::munmap(object, sizeof(T)); }};
}

}  // namespace poetry
