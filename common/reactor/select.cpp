// Multiplexer by select(2). Its descriptor sets grow with the highest descriptor and are passed to
// the kernel as they are, so FD_SETSIZE is no limit; a wait costs time in proportion to the highest
// descriptor.
#include <sys/select.h>

#include <algorithm>
#include <bit>
#include <climits>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "reactor/timeout.hpp"

namespace poetry::reactor {
namespace {

using Word = unsigned long;  // of the kernel's fd_set
using Bits = std::vector<Word>;
constexpr std::size_t word_bits = sizeof(Word) * CHAR_BIT;

fd_set* as_set(Bits& bits) { return reinterpret_cast<fd_set*>(bits.data()); }

timeval rounded_up(base::Duration timeout) {
  const auto bounded = std::clamp<base::Duration>(timeout, base::Duration::zero(), longest_wait);
  const auto micros = std::chrono::ceil<std::chrono::microseconds>(bounded).count();
  return {micros / 1'000'000, micros % 1'000'000};
}

class Select final : public Multiplexer {
 public:
  void set(int fd, Interest interest) override {
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

  std::span<const Ready> wait(base::Duration timeout) override {
    ready_.clear();
    if (words_ > 0) {
      std::memcpy(readable_.data(), reading_.data(), words_ * sizeof(Word));
      std::memcpy(writable_.data(), writing_.data(), words_ * sizeof(Word));
    }
    timeval time = rounded_up(timeout);
    const int count = ::select(static_cast<int>(words_ * word_bits), as_set(readable_),
                               as_set(writable_), nullptr, timeout == forever ? nullptr : &time);
    if (count < 0) take_failed_wait("descriptors");
    if (count > 0) collect();
    return ready_;
  }

 private:
  void collect() {
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

  Bits reading_, writing_;    // what is asked
  Bits readable_, writable_;  // what the kernel answered
  std::size_t words_ = 0;     // up to the highest descriptor with an interest
  std::vector<Ready> ready_;
};

}  // namespace

std::unique_ptr<Multiplexer> make_select() { return std::make_unique<Select>(); }

}  // namespace poetry::reactor
