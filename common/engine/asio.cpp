// The engine over Boost.Asio: one thread, one io_context. Asio waits for readiness, connections do
// the rest; all deadlines stand in one heap behind one steady_timer.
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <optional>

#include "engine/connection.hpp"

namespace poetry {
namespace {

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;
using ErrorCode = boost::system::error_code;

/// Between accepting so many, connections under way get their turn.
constexpr int accepts_per_turn = 64;
/// After running out of descriptors, look again so soon even if no connection of ours ends.
constexpr auto accept_retry = std::chrono::seconds(1);

/// A connection and what Asio still holds of it: it is freed when no handler may come any more.
struct Link : Connection {
  Link(asio::io_context& io, Accepted accepted, Port& port, TimePoint now)
      : Connection(std::move(accepted), port, now), waiter(io, socket()) {}
  Descriptor waiter;
  std::list<Link>::iterator self;
  bool waits_for_input = false;
  bool waits_for_output = false;
  bool waits_for_turn = false;
  bool closed = false;
};

struct Door {
  Port& port;
  std::optional<Descriptor> waiter;
  bool paused = false;
};

class Loop {
 public:
  Loop(std::span<Port> ports, Host& host, const EngineOptions& options)
      : host_(host), options_(options), control_(io_, options.control), wake_(io_) {
    for (auto& port : ports) {
      auto& door = doors_.emplace_back(Door{port, std::nullopt});
      door.waiter.emplace(io_, port.listener.get());
    }
  }
  ~Loop() { [[maybe_unused]] const int borrowed = control_.release(); }

  void run() {
    wait_for_control();
    for (auto& door : doors_) wait_to_accept(door);
    io_.run();
  }

 private:
  void wait_for_control();
  void obey(Command command);
  void stop_accepting();
  void finish();
  void wait_to_accept(Door& door);
  void accept(Door& door);
  void admit(Door& door, Accepted accepted);
  void pause(Door& door, const ErrorCode& error);
  void resume_accepting();
  void proceed(Link& link, Event event);
  void wait(Link& link, const Awaited& wanted);
  void close(Link& link);
  void free_if_idle(Link& link);
  void wake_up_in_time();
  void serve_due();

  Host& host_;
  EngineOptions options_;
  asio::io_context io_{1};
  Descriptor control_;
  asio::steady_timer wake_;
  TimePoint wake_at_ = never;
  Timers timers_;
  Timer drain_end_;
  Timer accept_again_;
  std::list<Door> doors_;
  std::list<Link> links_;
  std::size_t open_ = 0;       // links that are not closed
  std::size_t paused_at_ = 0;  // open links when descriptors ran out and we said so, or 0
  bool draining_ = false;
  bool finished_ = false;
  std::array<char, 65536> buffer_{};  // lent to one connection at a time
};

void Loop::wait_for_control() {
  control_.async_wait(Descriptor::wait_read, [this](const ErrorCode& error) {
    if (error || finished_) return;
    obey(host_.control());
    if (!finished_) wait_for_control();
  });
}

void Loop::obey(Command command) {
  if (command == Command::go_on || finished_) return;
  if (command == Command::stop || draining_) {
    if (command == Command::stop) finish();
    return;
  }
  draining_ = true;
  stop_accepting();
  if (open_ == 0) {
    finish();
    return;
  }
  timers_.arm(drain_end_, later(Clock::now(), options_.drain_timeout));
  wake_up_in_time();
}

void Loop::stop_accepting() {
  draining_ = true;
  for (auto& door : doors_) {
    if (!door.waiter) continue;
    [[maybe_unused]] const int borrowed = door.waiter->release();
    door.waiter.reset();
    door.port.listener.reset();
  }
}

/// Ends everything that Asio waits for, so that io_context::run() returns.
void Loop::finish() {
  if (finished_) return;
  finished_ = true;
  stop_accepting();
  for (auto at = links_.begin(); at != links_.end();) {
    auto& link = *at++;  // close() may free it
    if (link.closed) continue;
    link.end(Reason::shutdown);
    close(link);
  }
  timers_.cancel(drain_end_);
  timers_.cancel(accept_again_);
  wake_.cancel();
  control_.cancel();
}

void Loop::wait_to_accept(Door& door) {
  door.waiter->async_wait(Descriptor::wait_read, [this, &door](const ErrorCode& error) {
    if (!error && !draining_) accept(door);
  });
}

void Loop::accept(Door& door) {
  for (int i = 0; i < accepts_per_turn; ++i) {
    if (draining_) return;
    if (door.port.quota->full()) {
      door.paused = true;
      return;
    }
    auto accepted = accept_from(door.port.listener.get());
    if (accepted.socket) {
      admit(door, std::move(accepted));
    } else if (accepted.error == std::errc::operation_would_block) {
      if (open_ <= paused_at_ / 2) paused_at_ = 0;
      break;
    } else {
      pause(door, accepted.error);
      return;
    }
  }
  if (!draining_) wait_to_accept(door);
}

void Loop::admit(Door& door, Accepted accepted) {
  try {
    auto& link = links_.emplace_back(io_, std::move(accepted), door.port, Clock::now());
    link.self = std::prev(links_.end());
    ++open_;
    proceed(link, Event::nothing);
  } catch (const std::exception& error) {
    spdlog::error("port={}: cannot serve a connection: {}", door.port.at.port, error.what());
  }
}

/// Stops accepting for lack of descriptors. Says so once, and again only after nobody waited any
/// more while half as many were held, so that a server at its limit does not flood its log.
void Loop::pause(Door& door, const ErrorCode& error) {
  door.paused = true;
  if (paused_at_ == 0) {
    spdlog::warn("accepting is paused: {} ({} connections held)", error.message(), open_);
    paused_at_ = std::max<std::size_t>(open_, 1);
  }
  timers_.arm(accept_again_, later(Clock::now(), accept_retry));
  wake_up_in_time();
}

void Loop::resume_accepting() {
  for (auto& door : doors_) {
    if (draining_ || !door.paused || door.port.quota->full()) continue;
    door.paused = false;
    wait_to_accept(door);
  }
}

void Loop::proceed(Link& link, Event event) {
  Awaited wanted;
  try {
    wanted = link.proceed(event, Clock::now(), buffer_);
  } catch (const std::exception& error) {
    spdlog::error("a connection failed: {}", error.what());
    link.end(Reason::fault);
    wanted.over = true;
  }
  if (wanted.over) {
    close(link);
  } else {
    wait(link, wanted);
  }
}

void Loop::wait(Link& link, const Awaited& wanted) {
  const auto when_ready = [this, &link](bool Link::*flag, Event event) {
    link.*flag = true;
    return [this, &link, flag, event](const ErrorCode& = {}) {
      link.*flag = false;
      if (link.closed) {
        free_if_idle(link);
      } else {
        proceed(link, event);
      }
    };
  };
  if (wanted.until == never) {
    timers_.cancel(link);
  } else {
    timers_.arm(link, wanted.until);
    wake_up_in_time();
  }
  if (wanted.input && !link.waits_for_input) {
    link.waiter.async_wait(Descriptor::wait_read, when_ready(&Link::waits_for_input, Event::input));
  }
  if (wanted.output && !link.waits_for_output) {
    link.waiter.async_wait(Descriptor::wait_write,
                           when_ready(&Link::waits_for_output, Event::output));
  }
  if (wanted.turn && !link.waits_for_turn) {
    asio::post(io_, when_ready(&Link::waits_for_turn, Event::nothing));
  }
}

void Loop::close(Link& link) {
  timers_.cancel(link);
  [[maybe_unused]] const int borrowed = link.waiter.release();
  link.close();
  link.closed = true;
  --open_;
  const auto command = host_.ended(link.ended(Clock::now()));
  free_if_idle(link);
  obey(command);
  if (draining_ && open_ == 0) finish();
  resume_accepting();
}

/// A handler that is queued already cannot be cancelled: the last one frees the connection.
void Loop::free_if_idle(Link& link) {
  if (link.waits_for_input || link.waits_for_output || link.waits_for_turn) return;
  links_.erase(link.self);
}

void Loop::wake_up_in_time() {
  const auto next = timers_.next();
  if (finished_ || next >= wake_at_) return;
  wake_at_ = next;
  wake_.expires_at(next);
  wake_.async_wait([this](const ErrorCode& error) {
    if (error || finished_) return;
    wake_at_ = never;
    serve_due();
    wake_up_in_time();
  });
}

void Loop::serve_due() {
  const auto now = Clock::now();
  while (auto* timer = timers_.take_due(now)) {
    if (timer == &drain_end_) {
      finish();
    } else if (timer == &accept_again_) {
      resume_accepting();
    } else {
      proceed(static_cast<Link&>(*timer), Event::nothing);
    }
  }
}

class AsioEngine : public Engine {
 public:
  void serve(std::span<Port> ports, Host& host, const EngineOptions& options) override {
    Loop(ports, host, options).run();
  }
};

}  // namespace

std::unique_ptr<Engine> make_asio_engine() { return std::make_unique<AsioEngine>(); }

}  // namespace poetry
