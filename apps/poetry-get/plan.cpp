#include "plan.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/seed.hpp"
#include "catalog_fetch.hpp"
#include "cli/standard_output.hpp"
#include "net/descriptor_limit.hpp"
#include "remedies.hpp"

namespace poetry::get {
namespace {

// Standard streams, files, signals, the spool; and the sockets of name lookups, most of these.
constexpr std::uint64_t other_descriptors = 96;
constexpr std::size_t arrivals_in_all = std::size_t{2} << 20;  // kept by all tasks, for a picture
constexpr std::size_t min_arrivals = 8;                        // kept by one

fetch::FetchOptions fetch_options(const GetOptions& options, std::optional<std::string> send) {
  fetch::FetchOptions fetch = options.fetch;
  fetch.seed = options.seed.value_or(base::seed_from_clock());  // one for all engines
  fetch.send = std::move(send);
  fetch.after_send = options.half_close ? fetch::AfterSend::half_close : fetch::AfterSend::hold;
  const bool shown = options.report != "text" && options.report != "none";
  fetch.digests = shown ? fetch::Digests::yes : fetch::Digests::no;
  const bool doubles = options.retry_backoff == "exponential";
  fetch.backoff = doubles ? fetch::Backoff::exponential : fetch::Backoff::constant;
  if (options.rate > 0) fetch.pace = std::make_shared<fetch::Pace>(options.rate);
  return fetch;
}

void tell(const net::HostPort& where, const fetch::PoemCatalog& catalog) {
  const auto text = fmt::format("Catalog {}: {} to fetch, {} passed over\n", net::to_string(where),
                                base::counted(catalog.poems.size(), "poem"),
                                base::counted(catalog.others, "other service"));
  cli::write_standard_error(text);
}

std::size_t max_arrivals(const GetOptions& options, std::size_t tasks) {
  if (!options.timeline && options.timeline_svg.empty()) return 0;
  return std::clamp(arrivals_in_all / tasks, min_arrivals, fetch::Arrivals::capacity);
}

std::size_t max_in_flight(const GetOptions& options, std::size_t tasks) {
  const std::size_t asked = options.parallel;
  const auto [room, limit] = room_for_tasks();
  if (options.engine == "sequential") return asked;
  if (std::min<std::uint64_t>(tasks, asked == 0 ? tasks : asked) <= room) return asked;
  base::log_warn("{} tasks at once: {} open files (ulimit -n) allow no more; {}", room, limit,
                 room_remedy);
  return room;
}

}  // namespace

Room room_for_tasks() {
  const std::uint64_t limit = net::raise_descriptor_limit();
  return {limit > 2 * other_descriptors ? limit - other_descriptors : limit / 2, limit};
}

net::Family family_of(const GetOptions& options) {
  return options.ipv4 ? net::Family::ipv4 : options.ipv6 ? net::Family::ipv6 : net::Family::any;
}

std::optional<fetch::Batch> plan_batch(const GetOptions& options, std::vector<fetch::Server> given,
                                       std::optional<std::string> send, net::Signals& signals) {
  fetch::Batch batch;
  batch.fetch = fetch_options(options, std::move(send));
  if (options.verbose && options.fetch.retries > 0) {
    cli::write_standard_error(fmt::format("Seed {}\n", batch.fetch.seed));
  }
  batch.family = family_of(options);
  fetch::PoemCatalog catalog;
  if (options.catalog) {
    const auto hosts = options.catalog_hosts == "any" ? CatalogHosts::any : CatalogHosts::own;
    auto found = fetch_catalog(*options.catalog, batch.fetch, batch.family, hosts, signals);
    if (!found) return std::nullopt;
    catalog = std::move(*found);
    if (options.verbose) tell(*options.catalog, catalog);
    if (catalog.poems.empty() && given.empty()) {
      throw CatalogError("catalog " + net::to_string(*options.catalog) + ": no poem in it");
    }
  }
  batch.servers = servers_of(std::move(given), catalog, options.repeat);
  batch.fetch.max_arrivals = max_arrivals(options, batch.servers.size());
  batch.parallel = max_in_flight(options, batch.servers.size());
  return batch;
}

}  // namespace poetry::get
