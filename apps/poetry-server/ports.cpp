#include "ports.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/seed.hpp"
#include "base/shared_memory.hpp"
#include "net/service_manager.hpp"
#include "net/socket.hpp"
#include "statistics.hpp"

namespace poetry::server {
namespace {

bool same_place(const Plan& one, const Plan& other) {
  return one.at == other.at && one.families == other.families &&
         one.faults.acceptance() == other.faults.acceptance();
}

}  // namespace

base::Fd take_port(const Plan& plan, const net::Address& address) {
  const auto acceptance = plan.faults.acceptance();
  if (acceptance == faults::Acceptance::refuse) return net::bind_to(address, plan.families);
  if (acceptance == faults::Acceptance::blackhole)
    return net::listen_in_silence(address, plan.families);
  return net::listen_on(address, 1, plan.families);
}

net::Address listening_address(const net::HostPort& at) {
  const auto addresses = net::addresses_of(at);
  // A name such as localhost stands for both families; clients that name no host use IPv4.
  const auto ipv4 = std::ranges::find(addresses, AF_INET, &net::Address::family);
  return ipv4 == addresses.end() ? addresses.front() : *ipv4;
}

std::vector<base::Fd> take_inherited(const std::vector<Plan>& plans, const ServerOptions& options) {
  return base::with_remedy("let the service manager's sockets and these options agree", [&] {
    auto listeners = net::inherited_listeners();
    std::vector<base::Fd> taken;
    for (const auto& plan : plans) {
      const auto& listener = taken.emplace_back(net::take_listener_at(plan.at, listeners));
      if (!listener) continue;
      const auto at = net::to_string(net::local_address(listener.get()));
      if (plan.faults.acceptance() != faults::Acceptance::accept) {
        throw std::runtime_error("refuse and blackhole come too late for the inherited listener " +
                                 at);
      }
      // Each worker needs one of its own, which only the owner of this one could bind beside it.
      if (worker_count(options) > 1)
        throw std::runtime_error("several workers cannot share the inherited listener " + at);
    }
    net::refuse_left_over(listeners);
    return taken;
  });
}

Ports::Ports(const std::vector<Plan>& plans, const ServerOptions& options, std::uint64_t seed,
             faults::OnFired on_fired, std::vector<base::Fd> inherited)
    : on_fired_(std::move(on_fired)),
      shared_(worker_count(options) > 1 ? worker_count(options) : 0),
      quotas_(base::make_shared_memory<engine::Quota>(plans.size() + 1)) {
  auto served = read(plans, options);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    try {
      bind(plans[i], options, base::derive_seed(seed, i), std::move(inherited[i]));
    } catch (const std::system_error& error) {
      throw base::Failure(error.what(), net::listening_remedy(error.code()));
    }
  }
  replace(plans, options, std::move(served));
}

/// Ports with the same specification share one service, and so the bytes of a poem.
std::vector<Served> Ports::read(const std::vector<Plan>& plans,
                                const ServerOptions& options) const {
  const bool first_time = plans_.empty();
  if (!first_time &&
      !std::equal(plans.begin(), plans.end(), plans_.begin(), plans_.end(), same_place)) {
    throw base::UsageError("ports, hosts, refuse and blackhole change by a restart only",
                           options.ports);
  }
  const session::Context context{[this] { return catalog(); }, options.max_poem,
                                 [this] { return prometheus_text(ports_); }};
  std::vector<Served> served;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!first_time && plans[i].spec == plans_[i].spec && !served_[i].poem) {
      served.push_back(served_[i]);
      continue;
    }
    const auto found = std::ranges::find(plans, plans[i].spec, &Plan::spec);
    const auto first = static_cast<std::size_t>(found - plans.begin());
    if (first < i) {
      served.push_back(served[first]);
      continue;
    }
    auto service = base::with_remedy(base::path_remedy,
                                     [&] { return session::make_service(plans[i].spec, context); });
    served.push_back(wrap(plans[i], std::move(service)));
  }
  return served;
}

Served Ports::wrap(const Plan& plan, std::shared_ptr<session::Service> service) const {
  Served served;
  served.poem = std::dynamic_pointer_cast<const session::PoemService>(service);
  served.faults = std::make_shared<faults::CurrentPlan>(plan.faults);
  served.service = faults::with_faults(std::move(service), served.faults, on_fired_,
                                       plan.spec.settings.requests);
  return served;
}

/// Calls `change` for each port of this number, with its index.
template <typename Change>
void Ports::change(std::uint16_t number, Change change) {
  bool any = false;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].at.port != number) continue;
    change(i);
    any = true;
  }
  if (!any) throw base::UsageError("nothing is served at this port", std::to_string(number));
}

void Ports::change_faults(std::uint16_t number, const std::vector<std::string>& faults) {
  const auto plan = faults::parse_faults(faults);
  change(number, [&](std::size_t i) {
    if (plan.acceptance() != plans_[i].faults.acceptance())
      throw base::UsageError("refuse and blackhole change by a restart only",
                             std::to_string(number));
    plans_[i].faults = plan;
    plans_[i].spec.settings.faults = faults;
    served_[i].faults->set(number, plan);
  });
}

void Ports::change_delay(std::uint16_t number, std::string_view delay) {
  change(number, [&](std::size_t i) {
    auto& spec = plans_[i].spec;
    if (!session::is_paced(spec))
      throw base::UsageError(spec.service + " has no delay", std::to_string(number));
    session::set_delay(spec.settings.pacing, delay);
    served_[i] = wrap(plans_[i], served_[i].poem ? served_[i].poem->paced(spec.settings.pacing)
                                                 : session::make_service(spec, {}));
    ports_[i].service = served_[i].service;
  });
  find_facts();
}

void Ports::bind(const Plan& plan, const ServerOptions& options, std::uint64_t seed,
                 base::Fd inherited) {
  const auto backlog = static_cast<int>(options.backlog);
  const auto count = std::max<std::size_t>(1, shared_.size());
  auto& port = ports_.emplace_back();
  std::vector<base::Fd> listeners;
  if (inherited) {
    net::adopt_listener(inherited.get(), backlog);
    listeners.push_back(std::move(inherited));
  } else if (plan.faults.acceptance() == faults::Acceptance::accept) {
    listeners = net::listen_together(listening_address(plan.at), backlog, count, plan.families);
  } else {
    closed_.push_back(take_port(plan, listening_address(plan.at)));
  }
  const auto& bound_by = listeners.empty() ? closed_.back() : listeners.front();
  const auto bound = net::local_address(bound_by.get());
  listeners.resize(count);
  if (shared_.empty()) port.listener = std::move(listeners.front());
  for (std::size_t i = 0; i < shared_.size(); ++i) shared_[i].push_back(std::move(listeners[i]));
  port.at = {bound.host(), bound.port()};
  port.seed = seed;
  port.counters = base::make_shared_memory<engine::Counters>();
}

/// Puts services and limits in; the last of it to change anything, and does not fail.
void Ports::replace(const std::vector<Plan>& plans, const ServerOptions& options,
                    std::vector<Served> served) {
  plans_ = plans;
  served_ = std::move(served);
  quotas_.back()->limit = options.settings.max_clients;
  const bool measured =
      std::ranges::any_of(plans_, [](const Plan& plan) { return plan.spec.service == "metrics"; });
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    auto& port = ports_[i];
    const auto& spec = plans_[i].spec;
    const auto& settings = spec.settings;
    port.service_name = spec.service;
    port.name = spec.name;
    port.service = served_[i].service;
    port.send_timeout = settings.send_timeout;
    port.counters->measured = measured;
    port.quota = settings.own_max_clients ? quotas_[i] : quotas_.back();
    if (settings.own_max_clients) port.quota->limit = settings.max_clients;
  }
  find_facts();
}

/// Of all poems, where anybody may ask for them.
void Ports::find_facts() {
  std::vector<std::shared_ptr<const session::PoemService>> poems;
  if (facts_) poems = facts_->unfinished();
  facts_.reset();
  if (std::ranges::find(ports_, "catalog", &engine::Port::service_name) == ports_.end()) return;
  for (const auto& served : served_) {
    if (served.poem && std::ranges::find(poems, served.poem) == poems.end())
      poems.push_back(served.poem);
  }
  facts_.emplace(std::move(poems));
}

Ports::Holding Ports::make_holding() const {
  return {base::make_shared_memory<engine::Quota>(quotas_.size()),
          base::make_shared_memory<std::atomic<std::uint64_t>>(ports_.size())};
}

std::uint64_t Ports::lose(const Holding& holding) {
  for (const auto& quota : holding.quotas) quota->held = 0;
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const auto count = holding.at[i]->exchange(0);
    ports_[i].counters->ended += count;
    lost += count;
  }
  return lost;
}

void Ports::become(std::size_t worker, const Holding& holding) {
  auto quotas = holding.quotas;
  for (std::size_t i = 0; i < quotas.size(); ++i) quotas[i]->limit = quotas_[i]->limit;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    auto& port = ports_[i];
    port.quota = port.quota == quotas_[i] ? quotas[i] : quotas.back();
    port.listener = std::move(shared_[worker][i]);
    port.held = holding.at[i];
  }
  quotas_ = std::move(quotas);
  close_listeners();
  closed_.clear();
}

std::vector<session::CatalogEntry> Ports::catalog() const {
  std::vector<session::CatalogEntry> entries;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const auto& port = ports_[i];
    entries.push_back({port.at.host, port.at.port, port.service_name, port.name, served_[i].poem});
  }
  return entries;
}

}  // namespace poetry::server
