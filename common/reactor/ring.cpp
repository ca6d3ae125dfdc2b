#include "reactor/ring.hpp"

#include <liburing.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "reactor/timeout.hpp"

namespace poetry::reactor {
namespace {

// Operations handed over at once; when there are more, some go sooner.
constexpr unsigned max_asked = 1024;
// Completions that wait to be seen; beyond, the kernel keeps them in a slower list.
constexpr unsigned max_answers = 4096;
constexpr std::size_t page_size = 4096;
constexpr std::uint16_t buffer_group = 0;
constexpr std::uint64_t nobody = 0;  // the tag of operations whose completion tells nothing

// The tag of a poll: its descriptor, and of which round it is. It is not 0.
constexpr std::uint64_t poll_bit = 1;
constexpr unsigned fd_shift = 3;
constexpr unsigned round_shift = 34;
constexpr std::uint64_t fd_bits = (std::uint64_t{1} << (round_shift - fd_shift)) - 1;
constexpr std::uint32_t round_bits = (std::uint32_t{1} << (64 - round_shift)) - 1;

std::uint64_t poll_tag(int fd, std::uint32_t round) {
  return std::uint64_t{round} << round_shift | static_cast<std::uint64_t>(fd) << fd_shift |
         poll_bit;
}

std::string advice(int error) {
  if (error == EPERM) {
    int disabled = 0;
    std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
    if (disabled > 0)
      return "sysctl kernel.io_uring_disabled is " + std::to_string(disabled) + ", and 0 allows it";
    return "a seccomp filter forbids it; the container's profile has to allow io_uring_setup, "
           "io_uring_enter and io_uring_register";
  }
  if (error == ENOSYS) return "this kernel or a seccomp filter hides it";
  if (error == EINVAL) return "it takes Linux 6.1 or newer";
  if (error == ENOMEM) return "it takes more locked memory (ulimit -l)";
  return "choose another engine";
}

[[noreturn]] void refuse(int error) {
  throw std::system_error(error, std::generic_category(),
                          "set up io_uring (" + advice(error) + ")");
}

/// Whether the next call may do it: after a signal, where there was no memory for an operation, or
/// where completions have to be taken first.
bool is_passing(int result) { return result == -EINTR || result == -EAGAIN || result == -EBUSY; }

void check(int result, const char* attempt) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), attempt);
}

void close_ring(io_uring* ring) {
  ::io_uring_queue_exit(ring);
  delete ring;
}

}  // namespace

Ring::Ring(const Buffers& buffers)
    : buffers_(buffers),
      memory_(std::make_unique_for_overwrite<char[]>(std::size_t{buffers.count} * buffers.size)) {
  auto ring = std::make_unique<io_uring>();
  io_uring_params params{};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  params.cq_entries = max_answers;
  const int result = ::io_uring_queue_init_params(max_asked, ring.get(), &params);
  if (result < 0) refuse(-result);
  ring_ = {ring.release(), close_ring};
  lend_buffers();
}

Ring::~Ring() = default;

void Ring::try_out() { const Ring ring(Buffers{1, 1}); }

void Ring::lend_buffers() {
  void* pages = nullptr;
  const std::size_t bytes = buffers_.count * sizeof(io_uring_buf);
  if (::posix_memalign(&pages, page_size, (bytes + page_size - 1) / page_size * page_size) != 0)
    throw std::bad_alloc();
  lent_ = {static_cast<io_uring_buf_ring*>(pages), std::free};
  io_uring_buf_reg registration{};
  registration.ring_addr = std::bit_cast<std::uintptr_t>(pages);
  registration.ring_entries = buffers_.count;
  registration.bgid = buffer_group;
  const int result = ::io_uring_register_buf_ring(ring_.get(), &registration, 0);
  if (result < 0) refuse(-result);
  ::io_uring_buf_ring_init(lent_.get());
  for (unsigned id = 0; id < buffers_.count; ++id)
    filled_.push_back(static_cast<std::uint16_t>(id));
  give_back();
}

void Ring::give_back() {
  int offset = 0;
  for (const auto id : filled_) {
    ::io_uring_buf_ring_add(lent_.get(), memory_.get() + std::size_t{id} * buffers_.size,
                            buffers_.size, id, ::io_uring_buf_ring_mask(buffers_.count), offset++);
  }
  ::io_uring_buf_ring_advance(lent_.get(), offset);
  filled_.clear();
}

/// An entry with its tag, which the preparing functions of liburing 2.3 leave alone.
io_uring_sqe& Ring::prepare(std::uint64_t tag) {
  auto* entry = ::io_uring_get_sqe(ring_.get());
  for (int tries = 0; entry == nullptr; ++tries) {
    submit();
    if (tries > 1000) check(-EBUSY, "hand operations to io_uring");
    entry = ::io_uring_get_sqe(ring_.get());
  }
  ::io_uring_sqe_set_data64(entry, tag);
  return *entry;
}

void Ring::submit() {
  const int result = ::io_uring_submit(ring_.get());
  if (!is_passing(result)) check(result, "hand operations to io_uring");
}

void Ring::connect(int socket, const net::Address& address, std::uint64_t tag) {
  auto& entry = prepare(tag);
  ::io_uring_prep_connect(&entry, socket, address.data(), address.size());
}

void Ring::send(int socket, std::string_view bytes, std::uint64_t tag) {
  auto& entry = prepare(tag);
  ::io_uring_prep_send(&entry, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void Ring::receive(int socket, std::uint64_t tag) {
  auto& entry = prepare(tag);
  ::io_uring_prep_recv_multishot(&entry, socket, nullptr, 0, 0);
  entry.flags |= IOSQE_BUFFER_SELECT;
  entry.buf_group = buffer_group;
}

void Ring::poll(int fd, Interest interest, std::uint64_t tag) {
  auto& entry = prepare(tag);
  ::io_uring_prep_poll_add(&entry, fd, static_cast<unsigned>(interest));
}

void Ring::cancel(int fd) {
  auto& entry = prepare(nobody);
  ::io_uring_prep_cancel_fd(&entry, fd, IORING_ASYNC_CANCEL_ALL);
}

void Ring::cancel_one(std::uint64_t tag) {
  auto& entry = prepare(nobody);
  ::io_uring_prep_cancel64(&entry, tag, 0);
}

void Ring::flush() {
  submit();
  ::io_uring_get_events(ring_.get());  // the kernel ends operations in this thread's calls alone
}

/// Until something is complete, the time has passed or a signal has come.
void Ring::wait_for_completions(base::Duration timeout) {
  give_back();
  completions_.clear();
  handed_over_ = 0;
  io_uring_cqe* first = nullptr;
  const auto limit = to_timespec(timeout);
  __kernel_timespec time{};
  if (limit) time = {limit->tv_sec, limit->tv_nsec};
  const int result =
      ::io_uring_submit_and_wait_timeout(ring_.get(), &first, 1, limit ? &time : nullptr, nullptr);
  if (result != -ETIME && !is_passing(result)) check(result, "wait for io_uring");
  // The kernel completes what has happened only while this thread waits, and not once the time has
  // passed: in a process that was stopped for long, that may be much.
  const unsigned flags = IO_URING_READ_ONCE(*ring_->sq.kflags);
  const bool nothing = ::io_uring_cq_ready(ring_.get()) == 0;
  if (nothing && (flags & IORING_SQ_TASKRUN) != 0) ::io_uring_get_events(ring_.get());
  collect();
}

void Ring::collect() {
  const unsigned most = ::io_uring_cq_ready(ring_.get());
  completions_.reserve(most);  // all that may fail comes first, so that nothing is lost
  filled_.reserve(filled_.size() + most);
  ready_.reserve(most);
  to_ask_.reserve(most);
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(ring_.get(), head, entry) {
    if (count == most) break;
    ++count;
    Completion completion{
        entry->user_data, entry->res, (entry->flags & IORING_CQE_F_MORE) != 0, {}};
    if ((entry->flags & IORING_CQE_F_BUFFER) != 0) {
      const auto id = static_cast<std::uint16_t>(entry->flags >> IORING_CQE_BUFFER_SHIFT);
      filled_.push_back(id);
      completion.bytes = {memory_.get() + std::size_t{id} * buffers_.size,
                          static_cast<std::size_t>(entry->res > 0 ? entry->res : 0)};
    }
    if (completion.tag != nobody) completions_.push_back(completion);
  }
  ::io_uring_cq_advance(ring_.get(), count);
}

void Ring::set(int fd, Interest interest) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) watches_.resize(index + 1);
  auto& watch = watches_[index];
  if (watch.interest == interest) return;
  watch.interest = interest;
  watch.round = (watch.round + 1) & round_bits;
  if (std::exchange(watch.asked, false)) {
    cancel(fd);
    flush();  // the descriptor may be closed now
  }
  if (interest != Interest::none) ask(fd, watch);
}

void Ring::ask(int fd, Watch& watch) {
  watch.asked = true;
  poll(fd, watch.interest, poll_tag(fd, watch.round));
}

std::span<const Ready> Ring::wait(base::Duration timeout) {
  for (const int fd : to_ask_) {
    auto& watch = watches_[static_cast<std::size_t>(fd)];
    if (watch.interest != Interest::none && !watch.asked) ask(fd, watch);
  }
  to_ask_.clear();
  ready_.clear();
  if (handed_over_ < completions_.size()) return ready_;  // one has raised, and the others are left
  wait_for_completions(timeout);
  ++waits_;
  handing_over_ = true;
  for (const auto& completion : completions_) {
    if ((completion.tag & others) != 0) continue;
    const auto fd = static_cast<int>(completion.tag >> fd_shift & fd_bits);
    auto& watch = watches_[static_cast<std::size_t>(fd)];
    if (watch.round != completion.tag >> round_shift) continue;
    watch.asked = false;
    to_ask_.push_back(fd);
    ready_.push_back({fd, watch.interest});
  }
  return ready_;
}

void Ring::hand_over() {
  while (handed_over_ < completions_.size()) {
    const auto& completion = completions_[handed_over_++];
    if ((completion.tag & others) != 0) handler_(completion);
  }
  handing_over_ = false;
}

}  // namespace poetry::reactor
