#include "worker.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "base/write_fully.hpp"

namespace poetry::server {
namespace {

class Worker : public engine::Host {
 public:
  Worker(Serving& serving, WorkerNews& news, int orders, int wakeup, int answers)
      : serving_(serving), news_(news), orders_(orders), wakeup_(wakeup), answers_(answers) {}

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

}  // namespace

void run_worker(Serving& serving, WorkerNews& news, int orders, int wakeup, int answers) {
  pollfd ordered{orders, POLLIN, 0};
  while (::poll(&ordered, 1, -1) < 0 && errno == EINTR) continue;
  char first = 0;
  if (::read(orders, &first, 1) != 1 || static_cast<Order>(first) != Order::serve) return;
  Worker worker(serving, news, orders, wakeup, answers);
  serving.serve(worker, {orders});
}

}  // namespace poetry::server
