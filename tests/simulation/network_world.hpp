// A world of one server and its clients, all of it drawn from a seed: the real engine, sessions and
// faults at one end, the real strategy, fetches and retries at the other, over the simulated
// kernel. What is wrong in it is found while it runs and when it is over. Lives for one run.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "fetch/strategy.hpp"
#include "session/pacing.hpp"
#include "simulation/kernel.hpp"
#include "simulation/witness.hpp"

namespace poetry::simulation {

/// What a client of a port gets, and how it ends.
struct Expectation {
  enum class End { finish, abort, silence, any };

  std::string bytes;
  End end = End::finish;
};

struct Served {
  std::string text;                         // without faults; of an echo: nothing
  std::vector<std::uint32_t> lines_before;  // by offset in a round, and in all of it
  bool echo = false;
  session::Pacing pacing;
  std::vector<std::string> faults;
  std::shared_ptr<Witness> inside, outside;  // of the faults

  /// Of the port's Nth connection.
  [[nodiscard]] Expectation expected(std::uint64_t connection) const;
  /// When the byte at this offset is due at the earliest.
  [[nodiscard]] base::Duration due(std::uint64_t offset) const;
};

struct TaskFacts {
  std::string text;  // of its last attempt, as its observer was told
  std::size_t port = 0;
  bool named = false;
  bool ended = false;
  std::uint64_t retries = 0;
  base::TimePoint failed = base::never;     // when the last attempt broke
  base::Duration delay{};                   // before the next
  base::TimePoint looked_up = base::never;  // when the last lookup began
  bool lookup_failed = false;
  std::vector<const Link*> links;
};

class NetworkWorld;

class Client final : public fetch::Observer {
 public:
  Client(NetworkWorld& world, Process its) : world_(world), process(its) {}
  std::string received(std::size_t task, const fetch::Record& record,
                       std::string_view bytes) override;
  void retrying(std::size_t task, const fetch::Record& record, base::Duration delay) override;
  void ended(std::size_t task, fetch::Record& record) override;
  void run();
  net::Resolved look_up(const net::HostPort& where);

 private:
  NetworkWorld& world_;

 public:
  const Process process;
  std::string strategy;
  fetch::Batch batch;
  std::deque<TaskFacts> tasks;
  fetch::Result result;
  base::TimePoint signalled = base::never;
  bool short_of_descriptors = false;
};

/// What a run counts.
struct Tally {
  std::uint64_t worlds = 0, fetches = 0, turns = 0;
  std::array<std::uint64_t, fetch::outcome_names.size()> outcomes{};
};

class NetworkWorld final : public engine::Host {
 public:
  explicit NetworkWorld(std::uint64_t seed);
  ~NetworkWorld() override;

  /// What was found to be wrong first; empty where nothing was.
  std::string run(Tally& tally);
  /// What it is, for people.
  [[nodiscard]] std::string description() const;
  [[nodiscard]] std::uint64_t trace() const { return scheduler_.trace(); }

 private:
  friend Client;
  static constexpr Process server_process = 1;

  engine::Command control(engine::Connections& connections) override;
  engine::Command ended(const engine::Ended& connection) override;

  void draw_server();
  void draw_service(std::size_t index);
  void draw_faults(Served& served);
  void draw_client();
  void draw_fetch(fetch::FetchOptions& options);
  fetch::Server draw_task(Client& client, std::size_t task);
  Path draw_path(const net::Address& to);
  [[nodiscard]] net::Address address(const Client& client, std::size_t task, unsigned candidate,
                                     bool ipv6, std::uint16_t port) const;

  void serve();
  void direct();  // what happens to the server from outside
  void complain(const std::string& what);
  void check();
  void check_server();
  void check_task(const Client& client, std::size_t task);
  void check_end(const Client& client, const TaskFacts& facts, const fetch::Record& record,
                 const Link* link);
  void check_whole(const Client& client, const TaskFacts& facts, const fetch::Record& record,
                   const Link& link);
  void check_time(const std::string& what, base::TimePoint from, base::Duration after,
                  base::TimePoint at);

  Scheduler scheduler_;
  Kernel kernel_;
  Draw draw_;
  unsigned roughness_ = 0;  // of the network: one path in so many is bad; 0: none
  base::Duration longest_latency_{};
  std::uint64_t narrowest_ = 1;  // window or buffer: much through a needle's eye takes too long
  base::Duration slack_{};       // by which a time may be met later
  base::Duration early_{};  // what calls take, by which a record's times are behind the kernel's
  std::string engine_;
  engine::EngineOptions options_;
  std::vector<engine::Port> ports_;
  std::deque<Served> served_;
  std::deque<Client> clients_;
  std::size_t clients_running_ = 0;
  bool early_end_ = false;  // of the server
  bool serving_ = false;
  int control_ = -1;
  engine::Command command_ = engine::Command::go_on;
  base::TimePoint commanded_ = base::never;
  std::uint64_t ended_ = 0;
  std::string wrong_;
};

}  // namespace poetry::simulation
