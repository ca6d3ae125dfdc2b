#include "serving.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/seed.hpp"
#include "base/shared_memory.hpp"
#include "engine/engine.hpp"
#include "statistics.hpp"

namespace poetry::server {
namespace {

/// What the parent opens beside the listeners and a pipe for each worker.
constexpr std::uint64_t parent_descriptors = 16;

/// Whether anything about these ports is random or faulty.
bool needs_seed(const std::vector<Plan>& plans) {
  return std::any_of(plans.begin(), plans.end(), [](const Plan& plan) {
    const auto& spec = plan.spec;
    const bool random = spec.service == "poem" && spec.argument == "random";
    return random || spec.settings.pacing.jitter != base::Duration{0} || !plan.faults.empty();
  });
}

/// Lines that fall due within one tick go together, which who asked for a delay may not expect.
void warn_of_long_tick(base::Duration tick, const std::vector<Plan>& plans) {
  for (const auto& plan : plans) {
    const auto delay = plan.spec.settings.pacing.delay;
    if (!session::is_paced(plan.spec) || delay == base::Duration{0} || delay >= tick) continue;
    base::log_warn("--tick {} is longer than the delay of {}, {}: several lines go at a time",
                   base::format_duration(tick), plan.spec.name, base::format_duration(delay));
  }
}

}  // namespace

std::string require_clients(const engine::Engine& engine, const ServerOptions& options,
                            const std::vector<Plan>& plans) {
  auto max = options.settings.max_clients;
  for (const auto& plan : plans) max = std::max(max, plan.spec.settings.max_clients);
  const auto capacity = engine.capacity();
  auto room = options.engine + " holds at most " + std::to_string(capacity.connections) +
              " connections here: " + capacity.limit;
  if (max <= capacity.connections) return room;
  throw base::Failure("--max-clients " + std::to_string(max) + ": " + room,
                      "raise that limit, or lower --max-clients");
}

std::string require_workers(const ServerOptions& options, const std::vector<Plan>& plans) {
  const auto workers = worker_count(options);
  auto capacity = engine::process_capacity();
  auto descriptors = engine::descriptor_capacity(parent_descriptors);
  descriptors.connections /= plans.size() + 2;
  if (descriptors.connections < capacity.connections) {
    capacity = {descriptors.connections,
                descriptors.limit + ", two for each worker and one for each of its ports"};
  }
  const auto room = "at most " + std::to_string(capacity.connections) + " here: " + capacity.limit;
  if (workers <= capacity.connections) return std::to_string(workers) + " workers: " + room;
  throw base::Failure("--workers " + std::to_string(workers) + ": " + room,
                      "raise that limit, or lower --workers");
}

int Reload::readable() {
  if (process_ != ::getpid()) {
    done_ = base::make_eventfd();
    process_ = ::getpid();
    // What a parent reads is never there, so that nobody may wait for it.
    if (is_reading()) new std::future<Renewal>(std::move(renewal_));
  }
  return done_.get();
}

void Reload::begin() {
  const int done = readable();
  again_ = is_reading();
  if (again_) return;
  try {
    renewal_ = std::async(std::launch::async | std::launch::deferred, [this, done] {
      const std::shared_ptr<void> at_the_end(nullptr, [done](void*) { ::eventfd_write(done, 1); });
      return read_();
    });
    if (renewal_.wait_for(std::chrono::seconds(0)) != std::future_status::deferred) return;
  } catch (const std::exception&) {
    refused_ = std::current_exception();
  }
  ::eventfd_write(done, 1);
}

std::optional<Renewal> Reload::take() {
  eventfd_t count = 0;
  if (::eventfd_read(readable(), &count) < 0) return std::nullopt;
  const auto refused = std::exchange(refused_, nullptr);
  auto renewal = std::move(renewal_);
  if (!refused) renewal.wait();
  if (std::exchange(again_, false)) begin();
  if (refused) std::rethrow_exception(refused);
  return renewal.get();
}

Serving::Serving(ServerOptions options, int argc, const char* const* argv)
    : options_(std::move(options)),
      argc_(argc),
      argv_(argv),
      workers_(worker_count(options_)),
      seed_(options_.seed.value_or(base::seed_from_clock())),
      engine_(engine::make_engine(options_.engine)),
      totals_(base::make_shared_memory<Totals>()),
      started_(base::Clock::now()) {
  const auto plans = plan_ports(options_);
  if (workers_ > 1) require_workers(options_, plans);
  require_clients(engine_, options_, plans);
  ports_.emplace(
      plans, options_, seed_, [this](const faults::Fired& fired) { log_fault(fired); },
      take_inherited(plans, options_));
  if (needs_seed(plans)) base::log_facts(base::LogLevel::info, "seeded", {{"seed", seed_}});
  warn_of_long_tick(options_.tick, plans);
}

void Serving::serve(engine::Host& host, std::vector<int> controls) {
  controls.push_back(reload_.readable());
  engine_.serve(ports_->all(), host, {controls, options_.drain_timeout, options_.tick});
}

/// In the reload's thread.
Renewal Serving::read_again() const {
  Renewal renewal;
  auto& options = renewal.options;
  parse_server_options(argc_, argv_, options);
  if (options.workers != options_.workers)
    throw base::UsageError("the number of workers changes by a restart only", options.workers);
  if (options.control != options_.control)
    throw base::UsageError("the control socket changes by a restart only", options.control);
  renewal.plans = plan_ports(options);
  require_clients(engine_, options, renewal.plans);
  renewal.served = ports_->read(renewal.plans, options);
  return renewal;
}

bool Serving::end_reload() {
  auto renewal = reload_.take();
  if (renewal) ports_->replace(renewal->plans, renewal->options, std::move(renewal->served));
  return renewal.has_value();
}

bool Serving::count(const engine::Ended& connection) {
  const auto ended = ++totals_->ended;  // first, so that who reads the log finds it counted
  try {
    if (base::is_logged(base::LogLevel::info))  // which spares making text of the peer
      base::log_facts(base::LogLevel::info, "closed",
                      {{"peer", net::to_string(connection.peer)},
                       {"port", connection.port.at.port},
                       {"conn", connection.number},
                       {"service", connection.port.service_name},
                       {"bytes", connection.bytes},
                       {"elapsed", connection.elapsed},
                       {"reason", engine::to_string(connection.reason)}});
  } catch (const std::bad_alloc&) {  // a line less; the connection is over all the same
  }
  return ended == options_.exit_after;
}

bool Serving::is_enough() const {
  return options_.exit_after != 0 && totals_->ended >= options_.exit_after;
}

/// Called in whatever thread or process serves the connection.
void Serving::log_fault(const faults::Fired& fired) {
  for (const auto& port : ports_->all()) {
    if (port.at.port != fired.peer.port) continue;
    ++port.counters->faults;
    break;
  }
  base::log_facts(base::LogLevel::info, "fault",
                  {{"port", fired.peer.port},
                   {"conn", fired.peer.number},
                   {"fault", fired.fault},
                   {"offset", fired.offset},
                   {"seed", seed_}});
}

boost::json::object Serving::statistics() {
  const std::uint64_t ended = totals_->ended;  // before what was accepted, of which it is a part
  std::uint64_t accepted = 0;
  std::uint64_t bytes = 0;
  for (const auto& port : ports_->all()) {
    accepted += port.counters->accepted;
    bytes += port.counters->bytes_sent;
  }
  return {{"uptime_s", base::seconds(base::Clock::now() - started_)},
          {"workers", workers_},
          {"replaced", totals_->replaced.load()},
          {"accepted", accepted},
          {"active", accepted - ended},
          {"ended", ended},
          {"bytes", bytes},
          {"ports", port_statistics(ports_->all())}};
}

void Serving::tell_statistics() {
  const auto all = statistics();
  std::vector<base::Fact> facts;
  for (const auto& [name, value] : all) facts.emplace_back(name, "").json = base::json_text(value);
  base::log_answer("statistics", base::json_text(all), facts);
}

void Serving::change(const ControlLine& line) {
  if (line.what == ControlLine::What::fault) ports_->change_faults(line.port, line.faults);
  if (line.what == ControlLine::What::delay) ports_->change_delay(line.port, line.delay);
}

std::string Serving::obey(const ControlLine& line, engine::Connections& connections) {
  if (line.what == ControlLine::What::stats) return base::json_text(statistics());
  if (line.what == ControlLine::What::connections)
    return base::json_text(connection_list(connections));
  change(line);
  if (line.what != ControlLine::What::close) return "ok";
  bool any = false;
  connections.end_if([&](const engine::Held& held) {
    const bool is_meant =
        held.number == line.number && (line.port == 0 || line.port == held.port.at.port);
    any = any || is_meant;
    return is_meant;
  });
  if (!any)
    throw base::UsageError("no connection of this number is held", std::to_string(line.number));
  return "ok";
}

}  // namespace poetry::server
