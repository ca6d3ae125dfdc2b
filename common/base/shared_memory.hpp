// An object in memory that this process shares with those it forks off: all of them see and change
// the same one. Each process unmaps its own view when its last pointer goes.
#pragma once

#include <sys/mman.h>

#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "base/error.hpp"

namespace poetry::base {

/// `count` objects, in one piece of which all of them hold a share. Raises std::system_error. What
/// is shared must be safe to use by several processes at once, as lock-free atomics are.
template <typename T>
std::vector<std::shared_ptr<T>> make_shared_memory(std::size_t count) {
  static_assert(std::is_trivially_destructible_v<T>, "the other processes go on using it");
  const auto size = count * sizeof(T);
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_errno("map", "shared memory");
  const std::shared_ptr<void> whole(memory, [size](void* piece) { ::munmap(piece, size); });
  std::vector<std::shared_ptr<T>> objects;
  for (std::size_t i = 0; i < count; ++i)
    objects.emplace_back(whole, new (static_cast<T*>(memory) + i) T());
  return objects;
}

/// One object.
template <typename T>
std::shared_ptr<T> make_shared_memory() {
  return make_shared_memory<T>(1).front();
}

}  // namespace poetry::base
