#include "simulation/network_world.hpp"

#include <sys/eventfd.h>

#include <fmt/core.h>

#include <algorithm>

#include "base/error.hpp"
#include "net/socket.hpp"

namespace poetry::simulation {

std::string Client::received(std::size_t task, const fetch::Record& record,
                             std::string_view bytes) {
  TaskFacts& facts = tasks[task];
  facts.text += bytes;
  if (facts.ended) world_.complain("bytes came after the end");
  if (facts.text.size() != record.bytes) world_.complain("bytes are counted wrong");
  return {};
}

void Client::retrying(std::size_t task, const fetch::Record& record, base::Duration delay) {
  TaskFacts& facts = tasks[task];
  const auto& options = batch.fetch;
  const auto doubled = options.backoff == fetch::Backoff::constant ? 0 : facts.retries;
  const auto max = std::max<base::Duration>(options.retry_delay, fetch::longest_doubled_delay);
  const auto least = std::min(options.retry_delay * (1U << doubled), max);
  if (delay < least || delay > least + least / 2 + std::chrono::milliseconds(1))
    world_.complain("a retry has the wrong delay");
  if (++facts.retries != record.attempts) world_.complain("attempts are counted wrong");
  facts.failed = base::Clock::now();
  facts.delay = delay;
  facts.text.clear();
}

void Client::ended(std::size_t task, fetch::Record& /*record*/) {
  if (std::exchange(tasks[task].ended, true)) world_.complain("a task ended twice");
}

void Client::run() {
  net::Signals signals{SIGINT};
  if (signalled != base::never) {
    world_.scheduler_.at(signalled, [this] { world_.kernel_.signal(process, SIGINT); });
  }
  try {
    result = fetch::find_strategy(strategy)(batch, *this, signals);
  } catch (const std::exception& error) {
    // Before it begins, a strategy may lack descriptors of its own.
    if (!short_of_descriptors) world_.complain(std::string("a strategy raised: ") + error.what());
  }
  --world_.clients_running_;
  world_.scheduler_.touch(NetworkWorld::server_process);
}

NetworkWorld::NetworkWorld(std::uint64_t seed)
    : scheduler_(base::derive_seed(seed, 1)),
      kernel_(scheduler_, [this](const net::Address& to) { return draw_path(to); }),
      draw_(base::derive_seed(seed, 2)) {
  draw_server();
  const auto count = draw_.one_in(4) ? 2 : 1;
  for (int i = 0; i < count; ++i) draw_client();
}

NetworkWorld::~NetworkWorld() = default;

void NetworkWorld::complain(const std::string& what) {
  if (wrong_.empty()) {
    wrong_ = fmt::format("{}, after {:.6f} s", what, base::seconds(scheduler_.now() - epoch));
  }
}

std::string NetworkWorld::run(Tally& tally) {
  scheduler_.spawn(server_process, [this] { serve(); });
  auto ending = scheduler_.run();
  if (!ending.empty()) complain(ending);
  if (wrong_.empty()) check();
  ++tally.worlds;
  tally.turns += scheduler_.turns();
  for (const auto& client : clients_) {
    tally.fetches += client.result.records.size();
    for (const auto& record : client.result.records)
      ++tally.outcomes[static_cast<std::size_t>(record.outcome)];
  }
  return wrong_;
}

void NetworkWorld::serve() {
  for (auto& port : ports_) {
    auto at = net::resolve_numeric({"0.0.0.0", port.at.port}).addresses.at(0);
    port.listener = net::listen_on(at, draw_.of({0, 2, 128}));
  }
  const base::Fd control = base::make_eventfd();
  control_ = control.get();
  clients_running_ = clients_.size();
  for (auto& client : clients_) scheduler_.spawn(client.process, [&client] { client.run(); });
  scheduler_.spawn(server_process, [this] { direct(); });
  options_.controls = {control.get()};
  serving_ = true;
  try {
    engine::make_engine(engine_).serve(ports_, *this, options_);
  } catch (const std::exception& error) {
    complain(std::string("the engine raised: ") + error.what());
  }
  serving_ = false;
  scheduler_.touch(server_process);
  scheduler_.wait(base::never, [this] { return control_ == -1; });
}

/// Ends the server when all clients are done, or sooner: at once, or after it has drained.
void NetworkWorld::direct() {
  const auto sooner = scheduler_.now() + draw_.duration(std::chrono::seconds(20));
  const auto until = early_end_ ? sooner : base::never;
  scheduler_.wait(until, [this] { return clients_running_ == 0; });
  command_ = draw_.one_in(2) ? engine::Command::stop : engine::Command::drain;
  commanded_ = scheduler_.now();
  ::eventfd_write(control_, 1);
  control_ = -1;
  scheduler_.touch(server_process);
}

engine::Command NetworkWorld::control(engine::Connections& /*connections*/) {
  eventfd_t count = 0;
  ::eventfd_read(options_.controls.front(), &count);
  return command_;
}

std::string NetworkWorld::description() const {
  std::string text =
      "engine " + engine_ + ", calls take " + std::to_string(early_.count() / 2000) + " ns";
  for (std::size_t i = 0; i < served_.size(); ++i) {
    text += "\n  port " + std::to_string(ports_[i].at.port) + ": " +
            (served_[i].echo ? "echo" : std::to_string(served_[i].text.size()) + " bytes");
    for (const auto& fault : served_[i].faults) text += " " + fault;
  }
  const auto since = [](base::TimePoint at) {
    return at == base::never ? "never" : fmt::format("{:.6f}", base::seconds(at - epoch));
  };
  for (const auto& client : clients_) {
    text += "\n  client " + client.strategy + ", tasks " + std::to_string(client.tasks.size()) +
            ", parallel " + std::to_string(client.batch.parallel);
    for (std::size_t task = 0; task < client.result.records.size(); ++task) {
      const auto& record = client.result.records[task];
      text += fmt::format("\n    {}: {} to {}, {}, {} attempts, {} bytes, {}", task,
                          since(record.started), since(record.ended), fetch::name(record.outcome),
                          record.attempts, record.bytes, record.error);
      for (const auto* const link : client.tasks[task].links) {
        const End& end = link->client;
        text += fmt::format("\n      {} begun {} connected {} closed {}, {} sent, {} read{}{}",
                            net::to_string(link->to), since(link->begun), since(link->connected),
                            since(link->closed), end.bytes_sent, end.bytes_read,
                            end.told_end ? ", end" : "",
                            end.told_error != 0 ? ", error " + std::to_string(end.told_error) : "");
      }
    }
  }
  return text;
}

}  // namespace poetry::simulation
