// The part of Linux that the tools see, as far as a simulated world needs it: descriptors of TCP
// sockets, eventfds, signalfds and epoll sets, and the network between them (tcp(7), epoll(7)). How
// the network behaves is drawn. Calls have the results and errno of the system's; those that may
// block let other threads go on. Owned by its world.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.hpp"
#include "simulation/scheduler.hpp"

namespace poetry::simulation {

/// What lies between a client and an address.
struct Path {
  enum class Fate { open, refused, silent, unreachable };

  Fate fate = Fate::open;
  base::Duration latency{};                             ///< one way
  base::Duration per_byte{};                            ///< the slowest link's
  unsigned lost_handshakes = 0;                         ///< each costs a second, then two, four...
  base::Duration breaks_after = base::Duration::max();  ///< both ends are reset then
  bool overtaking = false;     ///< a reset may come before the data ahead of it
  std::size_t window = 65536;  ///< of what is received and not read
  std::size_t buffer = 65536;  ///< of what is sent and not acknowledged
};

struct Link;
struct Socket;

/// One end of a connection.
struct End {
  Socket* socket = nullptr;  // none once it is closed, or before it is accepted
  End* peer = nullptr;
  Link* link = nullptr;
  bool open = false;     // the handshake is done, and neither end has been reset
  bool refused = false;  // it never was
  std::string received;  // and not read
  std::size_t read = 0;  // of these
  std::string wire;      // sent, and not arrived at the peer's
  std::string unsent;    // for want of window
  std::size_t unacknowledged = 0;
  bool fin_wanted = false;
  bool fin_sent = false;
  bool fin_received = false;
  bool deaf = false;  // shut down for reading
  bool closed = false;
  bool reset = false;
  int error = 0;  // that the next call tells
  base::TimePoint last_arrival{};
  // What the tools may know of it, for those who check them:
  std::uint64_t bytes_read = 0, bytes_sent = 0;
  bool told_end = false;
  int told_error = 0;
  base::TimePoint unread_since = base::never;   // what is received and not read
  base::TimePoint last_progress = base::never;  // bytes read or sent, or its being connected
};

struct Link {
  Path path;
  net::Address to;
  Process client_process = 0;
  base::TimePoint begun{}, connected = base::never, closed = base::never;
  std::uint64_t accepted_as = 0;  // the listener's Nth; 0: it was not
  End client, server;
};

struct Object {
  explicit Object(Process whose) : process(whose) {}
  virtual ~Object() = default;
  /// As of poll(2), those that hold.
  [[nodiscard]] virtual unsigned events() const = 0;
  Process process;
  bool blocking = false;
};

struct Listener {
  std::uint16_t port = 0;
  std::size_t backlog = 0;
  std::deque<Link*> queue;
  std::uint64_t accepted = 0;
};

struct Socket final : Object {
  using Object::Object;
  [[nodiscard]] unsigned events() const override;
  End* end = nullptr;
  std::optional<Listener> listener;
  std::uint16_t port = 0;
  bool resets = false;  // when closed
  base::Duration receive_limit{}, send_limit{};
};

struct Counter final : Object {  // an eventfd
  using Object::Object;
  [[nodiscard]] unsigned events() const override;
  std::uint64_t count = 0;
};

struct SignalQueue final : Object {
  using Object::Object;
  [[nodiscard]] unsigned events() const override;
  std::deque<int> signals;
};

struct EpollSet final : Object {
  using Object::Object;
  [[nodiscard]] unsigned events() const override { return 0; }
  struct Watched {
    Object* object;
    epoll_event event;
  };
  std::map<int, Watched> watched;
};

class Kernel {
 public:
  /// Descriptors below are the real kernel's.
  static constexpr int first_descriptor = 100;
  using Routing = std::function<Path(const net::Address& to)>;

  Kernel(Scheduler& scheduler, Routing routing);
  ~Kernel();

  /// The one whose world runs in this process; null between worlds.
  static Kernel* current();

  Scheduler& scheduler() { return scheduler_; }
  /// How many descriptors a process may have.
  void limit(Process process, std::size_t descriptors) { limits_[process] = descriptors; }
  void signal(Process process, int number);
  /// What each call takes.
  void set_cost(base::Duration cost) { cost_ = cost; }
  [[nodiscard]] const std::deque<Link>& links() const { return links_; }
  [[nodiscard]] std::size_t open_descriptors(Process process) { return used_[process]; }

  // The calls. Negative results are -errno.
  int make_socket(bool blocking);
  int bind(int fd, const net::Address& address);
  int listen(int fd, int backlog);
  int accept(int fd, bool blocking, net::Address& peer);
  int connect(int fd, const net::Address& address);
  long send(int fd, std::string_view bytes);
  long receive(int fd, std::span<char> room);
  int shut_down(int fd, int how);
  int tcp_state(int fd);
  int take_error(int fd);
  int make_counter(bool blocking);
  int make_signal_queue();
  int make_epoll();
  int control_epoll(int set, int how, int fd, const epoll_event* event);
  int wait_epoll(int set, std::span<epoll_event> found, base::TimePoint until);
  long read(int fd, void* into, std::size_t size);
  long write(int fd, const void* from, std::size_t size);
  int close(int fd);
  /// Null where there is none.
  Object* object(int fd);
  Socket* socket(int fd);
  /// As poll(2) has it, with what is asked in `events` and the answer in `revents`; -EINTR where a
  /// signal may end it and does.
  int poll(std::span<pollfd> asked, base::TimePoint until, bool interruptible);
  /// At the begin of every call.
  void enter();

 private:
  int install(std::unique_ptr<Object> object);
  Process process() { return scheduler_.current()->process; }
  void touch(const End& end);
  void pump(End& from);
  void arrive(End& to, std::size_t size);
  void acknowledge(End& from, std::size_t size);
  void end_stream(End& to);
  void send_reset(End& from, bool at_once);
  void reset(End& end);
  void knock(Link& link, unsigned attempt);
  void answer(Link& link, int error);
  Socket* listener_at(std::uint16_t port);
  void break_up(Link& link);
  void enqueue(Link& link);
  void establish(Link& link);
  long send_some(End& end, std::string_view bytes);
  int tell_error(End& end);
  /// One way from now.
  base::TimePoint across(const Link& link) { return scheduler_.now() + link.path.latency; }

  Scheduler& scheduler_;
  Routing routing_;
  std::vector<std::unique_ptr<Object>> objects_;
  std::deque<Link> links_;
  std::map<std::uint16_t, Socket*> listeners_;
  std::map<Process, std::size_t> limits_;
  std::map<Process, std::size_t> used_;
  std::set<EpollSet*> sets_;
  base::Duration cost_{};
  std::uint16_t next_port_ = 20000;
};

}  // namespace poetry::simulation
