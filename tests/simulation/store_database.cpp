#include "simulation/store_database.hpp"

#include <utility>

#include "poetry-sync/store/store.hpp"

namespace poetry::sync::simulation {
namespace {

constexpr auto busy_timeout = 2s;  // as of store/sqlite.cpp
constexpr auto pause_when_locked = 5ms;

[[noreturn]] void refuse(const std::string& why) {
  throw store::DatabaseError(store::DatabaseError::Kind::passing, "database: " + why);
}

/// A transaction whose connection is lost before its end.
struct RunAgain {};

/// A transaction's statements, each of them a point where it writes.
class Points final : public store::Transaction {
 public:
  Points(store::Transaction& real, Shared& shared, store::Access access)
      : real_(real), shared_(shared), access_(access) {}
  store::Rows execute(const std::string& sql, std::span<const store::Value> values) override {
    if (access_ == store::Access::write) shared_.faults.point(shared_.world, Place::statement);
    return real_.execute(shared_.disk.as_made(sql), values);
  }

 private:
  store::Transaction& real_;
  Shared& shared_;
  const store::Access access_;
};

/// SQLite's lock, which one connection has. PostgreSQL has others, of its own.
class WriteLock {
 public:
  WriteLock(Shared& shared, base::Duration longest) : shared_(shared) {
    if (!shared.disk.has_one_writer()) return;
    auto& world = shared.world;
    const auto until = base::later(world.now(), longest);
    while (shared.writer != nullptr) {
      if (world.now() >= until) refuse("locked");
      world.pause(pause_when_locked);
    }
    shared.writer = &world.current().process;
  }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;
  ~WriteLock() { shared_.writer = nullptr; }

 private:
  Shared& shared_;
};

/// Among those who wait for news.
class Listening {
 public:
  explicit Listening(Shared& shared) : shared_(shared), who_(&shared.world.current()) {
    shared_.listeners.push_back(who_);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { std::erase(shared_.listeners, who_); }

 private:
  Shared& shared_;
  Fiber* const who_;
};

}  // namespace

void Disk::make_tables() {
  store::Store{database()};
  if (mistake_.sql.empty()) return;
  database().transact(store::Access::write, [this](store::Transaction& sql) { sql(mistake_.sql); });
}

std::string Disk::as_made(std::string sql) const {
  const auto& old = mistake_.old_text;
  if (const auto at = old.empty() ? std::string::npos : sql.find(old); at != std::string::npos)
    sql.replace(at, old.size(), mistake_.new_text);
  return sql;
}

SimulatedDatabase::SimulatedDatabase(Shared& shared)
    : shared_(shared), real_(shared.disk.database()), dialect_(real_.dialect()) {
  dialect_["now"] = "simulated_now()";
}

void SimulatedDatabase::transact(store::Access access,
                                 const std::function<void(store::Transaction&)>& work) {
  access == store::Access::write ? write(work) : read(work);
}

void SimulatedDatabase::read(const std::function<void(store::Transaction&)>& work) {
  if (armed_) shared_.faults.point(shared_.world, Place::read);
  real_.transact(store::Access::read, [&](store::Transaction& sql) {
    Points points(sql, shared_, store::Access::read);
    work(points);
  });
}

void SimulatedDatabase::write(const std::function<void(store::Transaction&)>& work) {
  if (!armed_) {
    const WriteLock lock(shared_, base::Duration::max());
    return real_.transact(store::Access::write, work);
  }
  shared_.faults.point(shared_.world, Place::begin);
  const auto once = [&](store::Transaction& sql) {
    Points points(sql, shared_, store::Access::write);
    work(points);
    if (shared_.faults.point(shared_.world, Place::commit)) throw RunAgain();
  };
  {
    const WriteLock lock(shared_, busy_timeout);
    for (int left = 1;; --left) {
      try {
        real_.transact(store::Access::write, once);
        break;
      } catch (const RunAgain&) {
        if (left == 0) refuse("connection is lost");
      }
    }
    if (shared_.committed(shared_.world.current())) {
      ++shared_.commits;
      for (auto* const each : shared_.listeners) shared_.world.wake(*each);
    }
  }
  shared_.faults.point(shared_.world, Place::committed);
}

bool SimulatedDatabase::wait_for_news(base::Duration longest) {
  if (seen_ == shared_.commits) {
    const Listening listening(shared_);
    shared_.world.pause(longest);
  }
  return std::exchange(seen_, shared_.commits) != shared_.commits;
}

}  // namespace poetry::sync::simulation
