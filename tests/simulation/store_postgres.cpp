// The PostgreSQL of a simulation: a real server, of which each transaction has a connection of its
// own. A statement that waits there for what another has locked lets the other fibers go on in the
// meantime, so that all interleavings of transactions come about that statements permit. Whether
// one waits its server says (pg_blocking_pids()), and nobody goes on until that is known of all:
// a run is the same each time.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "simulation/store_connection.hpp"
#include "simulation/store_database.hpp"

namespace poetry::sync::simulation {
namespace {

constexpr auto lock_timeout = 2s;  // as of store/postgres.cpp
constexpr int answer_ms = 2;       // within which most statements are answered, where none waits

/// Who waits for a lock, as long as it is among them.
class Waiting {
 public:
  Waiting(std::vector<Waiting*>& all, Connection& which, Fiber& who)
      : connection(which), fiber(who), all_(all) {
    all_.push_back(this);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { std::erase(all_, this); }
  Connection& connection;
  Fiber& fiber;

 private:
  std::vector<Waiting*>& all_;
};

class Schema final : public Disk, private store::Database {
 public:
  Schema(std::string url, const Mistake& mistake)
      : Disk(mistake),
        url_(std::move(url)),
        own_(store::open_postgres(url_)),
        watcher_(url_, name_) {
    watcher_.run("CREATE SCHEMA " + name_);
    watcher_.run("CREATE SEQUENCE clock");
    // It tells the time of the moment, also within a transaction and behind a lock.
    watcher_.run(
        "CREATE FUNCTION simulated_now() RETURNS bigint LANGUAGE sql VOLATILE"
        " AS 'SELECT last_value FROM clock'");
    make_tables();
  }
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;
  ~Schema() override {
    try {
      watcher_.run("DROP SCHEMA " + name_ + " CASCADE");
    } catch (const std::exception&) {  // the server has ended
    }
  }

  void clear() override {
    watcher_.run("TRUNCATE pieces, parts, log, jobs, records, changes RESTART IDENTITY");
  }
  store::Database& database() override { return *this; }
  bool has_news() override { return std::exchange(has_news_, false); }
  [[nodiscard]] bool has_one_writer() const override { return false; }

 private:
  class Work;
  void transact(store::Access access,
                const std::function<void(store::Transaction&)>& work) override;
  bool wait_for_news(base::Duration) override { throw std::logic_error("the world's own"); }
  [[nodiscard]] const store::Dialect& dialect() const override { return own_->dialect(); }
  void backup(const std::string& path) override { own_->backup(path); }

  void set_clock();
  Result answer(Connection& connection, const std::string& sql);
  bool is_blocked(const Connection& connection);
  std::set<int> blocking(const Connection& connection);
  bool waits_for_itself(const Waiting& waiting);
  void let_others_go_on();

  const std::string url_;
  const std::string name_ = "simulation_" + std::to_string(::getpid());
  std::unique_ptr<store::Database> own_;  // for what statements are called
  Connection watcher_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::vector<Waiting*> waiting_;
  std::set<int> pids_;  // of the connections that transactions have had
  std::int64_t clock_ms_ = 0;
  bool has_news_ = false;
};

class Schema::Work final : public store::Transaction {
 public:
  Work(Schema& schema, Connection& connection) : schema_(schema), connection_(connection) {}
  store::Rows execute(const std::string& sql, std::span<const store::Value> values) override {
    schema_.set_clock();
    connection_.send(sql, values);
    const auto found = schema_.answer(connection_, sql);
    const auto* const changed = ::PQcmdTuples(found.get());
    has_changed_ =
        has_changed_ || (!sql.starts_with("SELECT") && *changed != '\0' && *changed != '0');
    return rows_of(found.get());
  }
  [[nodiscard]] bool has_changed() const { return has_changed_; }

 private:
  Schema& schema_;
  Connection& connection_;
  bool has_changed_ = false;
};

void Schema::transact(store::Access access, const std::function<void(store::Transaction&)>& work) {
  if (idle_.empty()) {
    idle_.push_back(std::make_unique<Connection>(url_, name_));
    pids_.insert(idle_.back()->pid());
  }
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  const auto end = [&](const char* sql) {
    connection->run(sql);
    idle_.push_back(std::move(connection));
    let_others_go_on();
  };
  connection->run(
      access == store::Access::write ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  Work each(*this, *connection);
  try {
    work(each);
  } catch (...) {
    connection->cancel();
    end("ROLLBACK");
    throw;
  }
  end("COMMIT");
  has_news_ = has_news_ || each.has_changed();
}

void Schema::set_clock() {
  if (!World::exists() || World::here().wall_ms() == clock_ms_) return;
  clock_ms_ = World::here().wall_ms();
  watcher_.run("SELECT setval('clock', $1)", std::array<store::Value, 1>{clock_ms_});
}

/// The answer to what was sent, once nobody has locked what it takes. Raises DatabaseError.
Result Schema::answer(Connection& connection, const std::string& sql) {
  std::optional<base::TimePoint> until;
  while (!connection.is_answered(answer_ms)) {
    if (!is_blocked(connection)) continue;
    auto& world = World::here();
    const Waiting waiting(waiting_, connection, world.current());
    if (!until) until = base::later(world.now(), lock_timeout);
    if (waits_for_itself(waiting)) world.fail("two wait for each other, one at " + sql);
    if (world.now() >= *until)
      throw store::DatabaseError(store::DatabaseError::Kind::passing, "database: lock timeout");
    world.wait(*until);
  }
  auto found = connection.result();
  const std::string why = ::PQresultErrorMessage(found.get());
  if (why.empty()) return found;
  if (World::exists()) World::here().fail(sql + ": " + why);
  throw store::DatabaseError(store::DatabaseError::Kind::lasting, "database: " + why);
}

/// Of those that transactions have; others, as autovacuum's, let go by themselves.
std::set<int> Schema::blocking(const Connection& connection) {
  const auto found = watcher_.run("SELECT unnest(pg_blocking_pids($1))",
                                  std::array<store::Value, 1>{std::int64_t{connection.pid()}});
  std::set<int> pids;
  for (const auto& row : rows_of(found.get()))
    if (const auto pid = static_cast<int>(row.integer(0)); pids_.contains(pid)) pids.insert(pid);
  return pids;
}

bool Schema::is_blocked(const Connection& connection) { return !blocking(connection).empty(); }

bool Schema::waits_for_itself(const Waiting& waiting) {
  std::set<int> seen;
  std::vector<const Connection*> next{&waiting.connection};
  while (!next.empty()) {
    const auto* const connection = next.back();
    next.pop_back();
    for (const auto pid : blocking(*connection)) {
      if (pid == waiting.connection.pid()) return true;
      if (!seen.insert(pid).second) continue;
      for (const auto* const each : waiting_)
        if (each->connection.pid() == pid) next.push_back(&each->connection);
    }
  }
  return false;
}

/// Behind the end of a transaction: those who have waited for it go on, until they wait for
/// another.
void Schema::let_others_go_on() {
  for (auto* const each : waiting_) {
    while (!each->connection.is_answered(answer_ms) && !is_blocked(each->connection)) continue;
    if (each->connection.is_answered(0)) World::here().wake(each->fiber);
  }
}

}  // namespace

std::unique_ptr<Disk> make_schema(const std::string& url, const Mistake& mistake) {
  return std::make_unique<Schema>(url, mistake);
}

}  // namespace poetry::sync::simulation
