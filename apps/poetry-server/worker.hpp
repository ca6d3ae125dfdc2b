// What a worker process does: it serves with an engine of its own on listeners of its own, and
// obeys its parent, from which it was forked. How the two talk:
//
// The parent sends orders through a socket, each a message of a letter and, of a control line, its
// text; the end of the stream, which also a killed parent leaves behind, is the order to stop. What
// the worker has done stands in shared memory, its last answer to a control line in a file without
// a name (memfd_create(2)), and a descriptor (eventfd(2)), one for all workers, has the parent
// look.
//
// All signals that the server reads stay blocked in a worker, so that one sent to the whole process
// group, by a terminal's ^C or a service manager, is the parent's affair.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/fd.hpp"
#include "base/log.hpp"
#include "serving.hpp"

namespace poetry::server {

enum class Order : char { serve = 's', reload = 'r', control = 'c', drain = 'd', stop = 'q' };

/// Of a message: a letter and a control line.
inline constexpr std::size_t largest_order = 4096;

/// What the parent learns of its worker, in memory that both share.
struct WorkerNews {
  std::atomic<std::uint64_t> reloads{0};   ///< orders to reload that are carried out
  std::atomic<std::uint64_t> refusals{0};  ///< of them, after which the old poems stayed
  std::atomic<std::uint64_t> answers{0};   ///< control lines that are answered
};

class Worker : public engine::Host {
 public:
  /// `orders` is the socket, non-blocking, `answers` the file. Borrows all of them.
  Worker(Serving& serving, WorkerNews& news, int orders, int wakeup, int answers)
      : serving_(serving), news_(news), orders_(orders), wakeup_(wakeup), answers_(answers) {}

  /// Waits for the order to serve, then serves until it is told to end.
  void run() {
    pollfd orders{orders_, POLLIN, 0};
    while (::poll(&orders, 1, -1) < 0 && errno == EINTR) continue;
    char first = 0;
    if (::read(orders_, &first, 1) == 1 && static_cast<Order>(first) == Order::serve) {
      serving_.serve(*this, {orders_});
    }
  }

  engine::Command control(engine::Connections& connections) override {
    auto command = engine::Command::go_on;
    end_reload();
    for (;;) {
      std::array<char, largest_order> message;
      const auto count = ::read(orders_, message.data(), message.size());
      if (count < 0) return command;
      if (count == 0) return engine::Command::stop;
      const auto order = static_cast<Order>(message[0]);
      if (order == Order::control)
        answer({message.data() + 1, static_cast<std::size_t>(count) - 1}, connections);
      if (order == Order::reload) {
        ++reload_orders_;
        serving_.reload().begin();
      }
      if (order == Order::drain) command = std::max(command, engine::Command::drain);
      if (order == Order::stop) command = engine::Command::stop;
    }
  }

  engine::Command ended(const engine::Ended& connection) override {
    if (!serving_.count(connection)) return engine::Command::go_on;
    ::eventfd_write(wakeup_, 1);
    return engine::Command::drain;
  }

 private:
  /// The parent has tried it before, so that a refusal here is rare.
  void end_reload() {
    try {
      if (!serving_.end_reload()) return;
    } catch (const std::exception& error) {
      base::log_error("pid={} kept the old poems and configuration: {}", ::getpid(), error.what());
      ++news_.refusals;
    }
    if (serving_.reload().is_reading()) return;  // once more, for orders that came meanwhile
    news_.reloads += std::exchange(reload_orders_, 0);
    ::eventfd_write(wakeup_, 1);
  }

  void answer(std::string_view line, engine::Connections& connections) {
    const auto text =
        reply_to([&] { return serving_.obey(parse_control_line(line), connections); });
    ::lseek(answers_, 0, SEEK_SET);
    if (::ftruncate(answers_, 0) < 0 || base::write_fully(answers_, text))
      base::log_error("pid={}: no memory for an answer", ::getpid());
    ++news_.answers;
    ::eventfd_write(wakeup_, 1);
  }

  Serving& serving_;
  WorkerNews& news_;
  int orders_;
  int wakeup_;  // has the parent look at everything that is shared
  int answers_;
  std::uint64_t reload_orders_ = 0;  // that are not carried out
};

}  // namespace poetry::server
