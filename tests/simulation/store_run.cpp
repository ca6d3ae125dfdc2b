#include "simulation/store_run.hpp"

#include <fmt/format.h>

#include "simulation/store_feed.hpp"

namespace poetry::sync::simulation {
namespace {

constexpr auto longest_asking = 120s;  // faults and all
constexpr auto longest_work = 600s;    // with five attempts at each job, and delays between them
constexpr auto pause_after_error = 100ms;

/// Who presses, and does so again until somebody has told what came of it.
struct Person {
  std::vector<Press> presses;
  std::size_t next = 0;
  store::Id last_job = 0;
  std::optional<std::int64_t> asked_ms = {};  ///< first, for the next press
};

class Run {
 public:
  Run(Disk& disk, const Scenario& scenario, Draws* draws)
      : scenario_(scenario),
        draws_(draws),
        world_(draws),
        faults_(scenario.faults),
        checks_(world_, disk),
        shared_{.world = world_, .faults = faults_, .disk = disk, .committed = {}},
        host_(world_.add_process("host")) {
    disk.clear();
    server_plan() = scenario.servers;
    shared_.committed = [this](const Fiber& by) { return checks_.committed(by); };
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { world_.end(); }

  Outcome run() {
    world_.spawn(host_, [this] { begin(); });
    const auto start = world_.now();
    const auto asked = [this] {
      return begun_ && asking_ == 0 &&
             (draws_ == nullptr || world_.now() >= scenario_.faults.until);
    };
    if (!world_.run(asked, start + longest_asking)) world_.fail("people still press");
    const auto done = [this] { return quiet_ && checks_.active_jobs() == 0; };
    world_.spawn(host_, [this] { calm(); });
    if (!world_.run(done, world_.now() + longest_work))
      world_.fail(fmt::format("{} jobs do not end", checks_.active_jobs()));
    bool looked = false;
    world_.spawn(host_, [&] {
      look();
      looked = true;
    });
    world_.run([&] { return looked; }, base::never);
    return {world_.failure(), faults_.places(), shared_.commits, checks_.jobs()};
  }

 private:
  /// Nothing goes wrong in here.
  void begin() {
    SimulatedDatabase database(shared_);
    store::Store store(database);
    std::size_t number = 0;
    for (const auto type : scenario_.records) {
      const auto address = address_of(type, number++, 0);
      const auto added = store.add({.type = type, .address = address, .name = address});
      types_.push_back(type);
      ids_.push_back(added.id);
      versions_.push_back(0);
    }
    for (std::uint64_t i = 0; i < scenario_.workers; ++i)
      supervise(
          fmt::format("worker {}", i + 1), [this] { work(); }, [] { return false; });
    for (const auto& presses : scenario_.people) people_.push_back({.presses = presses});
    for (auto& each : people_) {
      ++asking_;
      supervise(
          "person", [this, &each] { press(each); },
          [&each] { return each.next == each.presses.size(); });
    }
    if (scenario_.is_watched) watch();
    begun_ = true;
  }

  /// A process is begun again when it has ended, until it is done.
  void supervise(const std::string& name, const std::function<void()>& main,
                 const std::function<bool()>& done) {
    world_.spawn(host_, [this, name, main, done] {
      for (int i = 1; !done(); ++i) {
        auto& process = world_.add_process(fmt::format("{}.{}", name, i));
        const auto fiber = world_.spawn(process, [main] {
          try {
            main();
          } catch (const store::DatabaseError&) {  // it could not begin
          }
        });
        world_.join(*fiber);
        if (!done())
          world_.pause(draws_ != nullptr ? draws_->between(0ms, scenario_.restart)
                                         : scenario_.restart);
      }
      --asking_;  // who works is never done
    });
  }

  void work() {
    SimulatedDatabase database(shared_);
    store::Store store(database);
    database.arm();
    run_worker(store, scenario_.worker, world_.current().process.name);
  }

  void press(Person& person) {
    SimulatedDatabase database(shared_);
    store::Store store(database);
    database.arm();
    while (person.next < person.presses.size() && !world_.current().process.told_to_stop) {
      const auto& each = person.presses[person.next];
      world_.wait(std::max(world_.now(), base::TimePoint(1h) + each.at));
      if (!person.asked_ms) person.asked_ms = world_.wall_ms();
      try {
        act(store, person, each);
      } catch (const store::Refusal&) {
      } catch (const store::DatabaseError&) {
        world_.pause(pause_after_error);
        continue;
      }
      person.asked_ms.reset();
      ++person.next;
    }
  }

  void act(store::Store& store, Person& person, const Press& press) {
    const auto id = ids_[press.record];
    const auto told = [&](const store::Store::Requested& requested) {
      person.last_job = requested.job.id;
      checks_.promised(requested.job.id, *person.asked_ms);
    };
    switch (press.action) {
      case Action::request:
        return told(store.request(id));
      case Action::request_all:
        for (const auto& each : store.request_all(std::nullopt)) told(each);
        return;
      case Action::cancel:
        store.cancel(person.last_job);
        return;
      case Action::retry:
        return told(store.retry(person.last_job));
      case Action::remove:
        return store.remove(id);
      case Action::rename:
      case Action::move:
      case Action::schedule:
        return edit(store, press);
    }
  }

  void edit(store::Store& store, const Press& press) {
    auto record = store.record(ids_[press.record]);
    if (press.action == Action::rename) record.name += "'";
    if (press.action == Action::schedule) record.every = 2000;
    if (press.action == Action::move) {
      auto& version = versions_[press.record];
      if (types_[press.record] == store::RecordType::weblog || version == 9) return;
      record.address = address_of(types_[press.record], press.record, ++version);
    }
    store.edit(record);
  }

  void watch() {
    world_.spawn(host_, [this] {
      SimulatedDatabase database(shared_);
      store::Store store(database);
      Page page(store);
      for (;;) {
        database.wait_for_news(5s);
        page.follow();
        if (!looking_) continue;
        if (const auto wrong = page.difference(); !wrong.empty()) world_.fail(wrong);
        looking_ = false;
      }
    });
  }

  /// Nothing is requested from now on.
  void calm() {
    SimulatedDatabase database(shared_);
    store::Store store(database);
    for (bool done = false; !done;) {
      try {
        for (auto record : store.records()) {
          record.every = 0;
          store.edit(record);
        }
        done = true;
      } catch (const store::DatabaseError&) {  // somebody who stalls has locked it
        world_.pause(pause_after_error);
      }
    }
    quiet_ = true;
  }

  void look() {
    checks_.finish();
    if (!scenario_.is_watched) return;
    looking_ = true;
    while (looking_) world_.pause(10s);
  }

  const Scenario& scenario_;
  Draws* const draws_;
  World world_;
  Faults faults_;
  Checks checks_;
  Shared shared_;
  Process& host_;
  std::vector<store::RecordType> types_;
  std::vector<store::Id> ids_;
  std::vector<std::uint64_t> versions_;
  std::deque<Person> people_;
  std::size_t asking_ = 0;
  bool begun_ = false;
  bool quiet_ = false;
  bool looking_ = false;
};

}  // namespace

Outcome run(Disk& disk, const Scenario& scenario, Draws* draws) {
  return Run(disk, scenario, draws).run();
}

}  // namespace poetry::sync::simulation
