// Loaded in front of a tool (LD_PRELOAD) by tests/torture: from the tool's main() on, it has each
// of the system calls that are named in its environment asked of the test first, by seccomp's user
// notification, which sees raw calls as well; and it has the Nth allocation fail. What the loader
// and libc do before main() is no concern of the tool's, and passes.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

struct Call {
  std::string_view name;
  unsigned number;
};

#define CALL(name) \
  Call { #name, SYS_##name }
constexpr Call known[] = {
    CALL(accept4),
    CALL(bind),
    CALL(clone),
    CALL(clone3),
    CALL(close),
    CALL(connect),
    CALL(dup),
    CALL(dup3),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_pwait),
    CALL(epoll_pwait2),
    CALL(eventfd2),
    CALL(fallocate),
    CALL(fchmod),
    CALL(fcntl),
    CALL(fdatasync),
    CALL(fsync),
    CALL(ftruncate),
    CALL(getdents64),
    CALL(getpeername),
    CALL(getrandom),
    CALL(getsockname),
    CALL(getsockopt),
    CALL(inotify_add_watch),
    CALL(inotify_init1),
    CALL(io_uring_enter),
    CALL(io_uring_register),
    CALL(io_uring_setup),
    CALL(ioctl),
    CALL(linkat),
    CALL(listen),
    CALL(lseek),
    CALL(memfd_create),
    CALL(mkdirat),
    CALL(mmap),
    CALL(newfstatat),
    CALL(openat),
    CALL(pidfd_open),
    CALL(pipe2),
    CALL(ppoll),
    CALL(pread64),
    CALL(pselect6),
    CALL(pwrite64),
    CALL(read),
    CALL(recvfrom),
    CALL(recvmsg),
    CALL(renameat),
    CALL(renameat2),
    CALL(sendmsg),
    CALL(sendto),
    CALL(setsockopt),
    CALL(signalfd4),
    CALL(socket),
    CALL(socketpair),
    CALL(timerfd_create),
    CALL(timerfd_settime),
    CALL(unlinkat),
    CALL(wait4),
    CALL(write),
    CALL(writev),
#ifdef SYS_rename  // those that only older architectures have
    CALL(dup2),
    CALL(epoll_create),
    CALL(epoll_wait),
    CALL(fork),
    CALL(inotify_init),
    CALL(link),
    CALL(mkdir),
    CALL(open),
    CALL(pipe),
    CALL(poll),
    CALL(rename),
    CALL(select),
    CALL(unlink),
    CALL(vfork),
#endif
};
#undef CALL

// Where in the tool an allocation is asked for, by its whole stack.
struct Site {
  std::atomic<std::uint64_t> stack;
  std::uint64_t first;  // the number of the first one there
};

// In memory that the test maps as well, and the tool's children share.
struct Allocations {
  std::atomic<std::uint64_t> count;
  std::uint64_t failing;  // the number of the one that fails; 0 is none
  std::uint64_t noted;    // whether their sites are
  char stack[(1U << 17U) - 3 * sizeof(std::uint64_t)];  // of the one that has failed, as text
  Site sites[1U << 16U];                                // by a hash of their stacks
};

Allocations* allocations = nullptr;  // none before main()
int stacks = -1;                     // the file of that memory, which the stack is written to

constexpr off_t stack_offset = 4096;
constexpr int most_frames = 60;

void note(std::uint64_t number) {
  void* stack[most_frames];
  const int frames = ::backtrace(stack, most_frames);
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (int i = 0; i < frames; ++i)
    hash = (hash ^ reinterpret_cast<std::uintptr_t>(stack[i])) * 1099511628211U;
  constexpr std::size_t most = std::extent_v<decltype(Allocations::sites)>;
  for (std::size_t i = 0; i < most; ++i) {
    auto& site = allocations->sites[(hash + i) % most];
    std::uint64_t there = 0;
    if (site.stack.compare_exchange_strong(there, hash)) site.first = number;
    if (there == 0 || there == hash) return;
  }
}

bool fails() {
  if (!allocations) return false;
  const auto number = ++allocations->count;
  if (allocations->noted != 0) note(number);
  if (number != allocations->failing) return false;
  void* stack[most_frames];
  ::lseek(stacks, stack_offset, SEEK_SET);
  ::backtrace_symbols_fd(stack, ::backtrace(stack, most_frames), stacks);
  errno = ENOMEM;
  return true;
}

void require(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::_Exit(77);
}

std::vector<unsigned> numbers_of(std::string_view names) {
  std::vector<unsigned> numbers;
  for (; !names.empty(); names.remove_prefix(std::min(names.size(), names.find(',') + 1))) {
    const auto name = names.substr(0, names.find(','));
    numbers.push_back(~0U);  // which this architecture does not have
    for (const auto& call : known)
      if (call.name == name) numbers.back() = call.number;
    if (name.size() == names.size()) break;
  }
  return numbers;
}

// All of these calls wait for the test's word, but for the one that gives it the listener.
int install(const std::vector<unsigned>& numbers, int socket) {
  const auto number = static_cast<unsigned>(offsetof(seccomp_data, nr));
  const auto argument = static_cast<unsigned>(offsetof(seccomp_data, args));
  std::vector<sock_filter> filter{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(socket), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
  };
  for (const auto each : numbers) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, each, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "torture: prctl");
  const unsigned waits_killable = 1U << 5;  // since Linux 5.19: no signal makes a call ask twice
  const unsigned listens = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  auto made = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listens | waits_killable, &program);
  if (made < 0) made = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listens, &program);
  require(made >= 0, "torture: seccomp");
  return static_cast<int>(made);
}

// With the numbers of the calls, in the order in which they were named.
void give(int listener, std::vector<unsigned> numbers, int socket) {
  iovec bytes{numbers.data(), numbers.size() * sizeof(unsigned)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &listener, sizeof(int));
  require(::sendmsg(socket, &message, 0) > 0, "torture: sendmsg");
}

using Main = int (*)(int, char**, char**);
Main tool = nullptr;

int begin(int count, char** arguments, char** environment) {
  const char* memory = std::getenv("TORTURE_MEMORY");
  const char* socket = std::getenv("TORTURE_SOCKET");
  const std::string names = std::getenv("TORTURE_CALLS") ? std::getenv("TORTURE_CALLS") : "";
  require(memory && socket, "torture: no TORTURE_MEMORY, TORTURE_SOCKET");
  const int shared = std::atoi(memory), to = std::atoi(socket);
  // No concern of what the tool runs.
  for (const char* each : {"LD_PRELOAD", "TORTURE_MEMORY", "TORTURE_SOCKET", "TORTURE_CALLS"})
    ::unsetenv(each);
  void* mapped =
      ::mmap(nullptr, sizeof(Allocations), PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
  require(mapped != MAP_FAILED, "torture: mmap");
  stacks = ::fcntl(shared, F_DUPFD_CLOEXEC, 900);  // out of the way of the tool's own
  require(stacks >= 0, "torture: fcntl");
  ::close(shared);
  auto* const found = static_cast<Allocations*>(mapped);
  ::backtrace(&mapped, 1);  // loads what it needs
  if (!names.empty()) {
    const auto numbers = numbers_of(names);
    const int listener = install(numbers, to);
    give(listener, numbers, to);
    // The test knows these two, and does not count them.
    ::close(listener);
  }
  ::close(to);
  allocations = found;
  return tool(count, arguments, environment);
}

}  // namespace

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier): libc's names.
int __libc_start_main(Main main, int count, char** arguments, void (*init)(), void (*fini)(),
                      void (*loader_fini)(), void* stack_end) {
  tool = main;
  using Start = decltype(&__libc_start_main);
  const auto start = reinterpret_cast<Start>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  return start(begin, count, arguments, init, fini, loader_fini, stack_end);
}
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t size) noexcept { return fails() ? nullptr : __libc_malloc(size); }

void* calloc(std::size_t count, std::size_t size) noexcept {
  return fails() ? nullptr : __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) noexcept {
  return fails() ? nullptr : __libc_realloc(old, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return fails() ? nullptr : __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return memalign(alignment, size);
}

int posix_memalign(void** made, std::size_t alignment, std::size_t size) noexcept {
  const int before = errno;
  void* const memory = memalign(alignment, size);
  errno = before;
  if (memory) *made = memory;
  return memory ? 0 : ENOMEM;
}
}
