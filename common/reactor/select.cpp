#include "reactor/select.hpp"

#include <sys/select.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/error.hpp"
#include "reactor/timeout.hpp"

namespace poetry::reactor {
namespace {

constexpr std::size_t word_bits = sizeof(unsigned long) * CHAR_BIT;

fd_set* as_set(std::vector<unsigned long>& bits) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): select(2) takes any such array
  return reinterpret_cast<fd_set*>(bits.data());
}

timeval rounded_up(base::Duration timeout) {
  const auto bounded = std::clamp<base::Duration>(timeout, base::Duration::zero(), longest_wait);
  const auto micros = std::chrono::ceil<std::chrono::microseconds>(bounded).count();
  return {micros / 1'000'000, micros % 1'000'000};
}

}  // namespace

void Select::set(int fd, Interest interest) {
  const auto word = static_cast<std::size_t>(fd) / word_bits;
  const Word bit = Word{1} << (static_cast<std::size_t>(fd) % word_bits);
  if (word >= reading_.size()) {
    if (interest == Interest::none) return;
    const std::size_t size = std::max(word + 1, 2 * reading_.size());
    for (Bits* bits : {&reading_, &writing_, &readable_, &writable_}) bits->resize(size);
  }
  reading_[word] = has(interest, Interest::read) ? reading_[word] | bit : reading_[word] & ~bit;
  writing_[word] = has(interest, Interest::write) ? writing_[word] | bit : writing_[word] & ~bit;
  words_ = std::max(words_, word + 1);
  while (words_ > 0 && (reading_[words_ - 1] | writing_[words_ - 1]) == 0) --words_;
}

std::span<const Ready> Select::wait(base::Duration timeout) {
  ready_.clear();
  if (words_ > 0) {
    std::memcpy(readable_.data(), reading_.data(), words_ * sizeof(Word));
    std::memcpy(writable_.data(), writing_.data(), words_ * sizeof(Word));
  }
  timeval time = rounded_up(timeout);
  const int count = ::select(static_cast<int>(words_ * word_bits), as_set(readable_),
                             as_set(writable_), nullptr, timeout == forever ? nullptr : &time);
  if (count < 0 && errno != EINTR) base::throw_errno("wait for", "descriptors");
  if (count > 0) collect();
  return ready_;
}

void Select::collect() {
  for (std::size_t word = 0; word < words_; ++word) {
    for (Word bits = readable_[word] | writable_[word]; bits != 0; bits &= bits - 1) {
      const auto index = static_cast<std::size_t>(std::countr_zero(bits));
      const Word bit = Word{1} << index;
      const auto read = (readable_[word] & bit) != 0 ? Interest::read : Interest::none;
      const auto write = (writable_[word] & bit) != 0 ? Interest::write : Interest::none;
      ready_.push_back({static_cast<int>(word * word_bits + index), read | write});
    }
  }
}

}  // namespace poetry::reactor
