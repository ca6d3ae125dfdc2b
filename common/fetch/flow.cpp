#include "fetch/flow.hpp"

#include <cerrno>
#include <utility>

#include "net/socket.hpp"

namespace poetry {

Flow::Flow(Surroundings& around, std::size_t task)
    : around_(around),
      fetch_(begin_fetch(around.batch, task, Clock::now())),
      alarm_([this] { expire(); }) {}

void Flow::let_go() {
  drop_sockets();
  forget_name();
  around_.reactor.cancel(alarm_);
}

void Flow::advance() {
  auto progress = Progress::goes_on;
  while (progress == Progress::goes_on) {
    progress = std::visit([&](const auto& each) { return act(each); }, fetch_.next());
  }
}

Flow::Progress Flow::act(const Resolve& action) {
  const auto numeric = resolve_numeric(fetch_.where(), around_.batch.family);
  if (!numeric.addresses.empty()) {
    fetch_.resolved(numeric, Clock::now());
    return Progress::goes_on;
  }
  ticket_ = around_.resolver.ask(fetch_.where(), around_.batch.family);
  around_.asking[ticket_] = this;
  set_alarm(action.until);
  return Progress::waits;
}

Flow::Progress Flow::act(const Connect& action) {
  const std::size_t index = candidates_.size();
  if (index == action.addresses.size()) {
    set_alarm(action.until);
    return Progress::waits;
  }
  const Address& address = action.addresses[index];
  Fd socket = open_socket(address.family(), Blocking::no);
  const int error = socket ? 0 : errno;
  const bool may_wait = index == 0 && fetch_.record().attempts == 1;
  if ((error == EMFILE || error == ENFILE) && may_wait && around_.host.put_back(*this)) {
    return Progress::over;
  }
  const auto started = socket ? start_connect(socket.get(), address)
                              : IoResult{IoStatus::error, 0, {error, std::generic_category()}};
  candidates_.push_back(std::move(socket));
  if (started.status == IoStatus::would_block) {
    around_.reactor.watch(candidates_[index].get(), Interest::write, [this, index](Interest) {
      const auto outcome = connect_outcome(candidates_[index].get());
      end_candidate(index, outcome, around_.reactor.now());
      advance();
    });
  } else {
    end_candidate(index, started.error, Clock::now());
  }
  return Progress::goes_on;
}

void Flow::end_candidate(std::size_t index, std::error_code error, TimePoint now) {
  if (fetch_.connect_ended(index, error, now) == Candidate::failed) {
    drop(candidates_[index]);
    return;
  }
  Fd chosen = std::move(candidates_[index]);
  drop_sockets();
  connection_ = std::move(chosen);
}

Flow::Progress Flow::act(const Transfer& action) {
  const auto interest = action.unsent.empty() ? Interest::read : Interest::both;
  if (interest != watched_) {
    around_.reactor.watch(connection_.get(), interest, [this](Interest found) { ready(found); });
    watched_ = interest;
  }
  set_alarm(action.until);
  return Progress::waits;
}

Flow::Progress Flow::act(const HalfClose&) {
  half_close(connection_.get());
  fetch_.half_closed(around_.reactor.now());
  return Progress::goes_on;
}

Flow::Progress Flow::act(const Wait& action) {
  drop_sockets();
  around_.observer.retrying(fetch_.task(), fetch_.record(), action.delay);
  set_alarm(action.until);
  return Progress::waits;
}

Flow::Progress Flow::act(const Done&) {
  let_go();
  around_.host.over(*this);
  return Progress::over;
}

// Deadlines mostly move away: an alarm that comes sooner is left as it is, and expire() looks
// again.
void Flow::set_alarm(TimePoint until) {
  const bool set = alarm_.armed() && alarm_.at() <= until;
  if (until != never && !set) around_.reactor.call_later(alarm_, until);
}

void Flow::drop(Fd& socket) {
  if (!socket) return;
  around_.reactor.unwatch(socket.get());
  socket.reset();
}

void Flow::drop_sockets() {
  for (Fd& candidate : candidates_) drop(candidate);
  candidates_.clear();
  drop(connection_);
  watched_ = Interest::none;
}

void Flow::ready(Interest what) {
  const TimePoint now = around_.reactor.now();
  if (has(what, Interest::write)) Exchange::send(fetch_, connection_.get(), now);
  if (has(what, Interest::read)) around_.exchange.receive(fetch_, connection_.get(), now);
  advance();
}

void Flow::expire() {
  // The time now and not that of the turn: of many deadlines in one turn, the last ones come later.
  const TimePoint now = Clock::now();
  if (now < fetch_.deadline()) {
    set_alarm(fetch_.deadline());
    return;
  }
  forget_name();
  fetch_.expired(now);
  advance();
}

void Flow::forget_name() {
  if (around_.asking.erase(ticket_) > 0) around_.resolver.forget(ticket_);
}

void Flow::resolved(const Resolved& found) {
  around_.asking.erase(ticket_);
  fetch_.resolved(found, around_.reactor.now());
  advance();
}

void Flow::interrupt() {
  fetch_.interrupt(around_.reactor.now());
  advance();
}

}  // namespace poetry
