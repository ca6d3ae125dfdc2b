// The Unix socket of --control: a line a request, a line a reply, to any number of one client's
// requests in turn. It never waits: whoever has a loop calls serve() when readable() is. Owned by
// the server; a worker abandons its copy.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "own_file.hpp"

namespace poetry::server {

class ControlSocket {
 public:
  /// Binds with mode 0600, in the place of a socket that nobody listens at. Raises UsageError where
  /// the path is too long, and std::system_error.
  explicit ControlSocket(const std::string& path);

  /// Readable when there is something to do.
  [[nodiscard]] int readable() const { return events_.get(); }

  /// The reply to a line, both without newline; none as long as there is none. Then the same line
  /// is asked about, and no other one, until it has its reply.
  using Answer = std::function<std::optional<std::string>(std::string_view line)>;
  void serve(const Answer& answer);

 private:
  struct Client {
    base::Fd socket;
    std::string received;
    std::string unsent;
    bool half_closed = false;  // it sends no more
    bool lost = false;
    std::uint32_t watched = 0;  // as in epoll_ctl(2)
    [[nodiscard]] bool has_line() const { return received.find('\n') != std::string::npos; }
  };

  void keep_spare();
  /// Whether as many were taken as may be.
  bool accept_clients();
  void proceed(Client& client, const Answer& answer);
  static void receive(Client& client);
  void reply(Client& client, const Answer& answer);
  static void send(Client& client);
  void watch(Client& client);

  OwnFile file_;
  base::Fd events_;  // an epoll(7), which other multiplexers watch
  base::Fd listener_;
  base::Fd spare_;  // to be given up for a client, where others have taken all descriptors
  std::list<Client> clients_;
  Client* asking_ = nullptr;  // whose line has no reply yet
};

}  // namespace poetry::server
