#include "plan.hpp"

#include <algorithm>
#include <boost/json/stream_parser.hpp>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "apart.hpp"
#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/seed.hpp"
#include "cli/standard_output.hpp"
#include "fetch/poem_catalog.hpp"
#include "net/limits.hpp"
#include "run.hpp"

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

// 65,535 ports, each with a line of 250 bytes.
constexpr std::uint64_t max_catalog = std::uint64_t{16} << 20;

class Text final : public fetch::Observer {
 public:
  std::string received(std::size_t, const fetch::Record&, std::string_view bytes) override {
    text.append(bytes);
    return {};
  }
  void retrying(std::size_t, const fetch::Record&, base::Duration) override { text.clear(); }
  void ended(std::size_t, fetch::Record&) override {}

  std::string text;
};

/// An answer that ends in the midst of its JSON was cut; what is no JSON at all is another matter.
std::string cut_json(std::string_view answer) {
  boost::json::stream_parser parser;
  boost::system::error_code error;
  parser.write(answer.data(), answer.size(), error);
  if (error) return {};
  parser.finish(error);
  return error ? "ends in the midst of its JSON" : "";
}

/// The host that it was fetched from, a newline, and the catalog. Raises std::runtime_error with
/// the record's error.
std::string fetch_text(const fetch::Batch& batch, net::Signals& signals) {
  Text text;
  const fetch::Result result = fetch::find_strategy("select")(batch, text, signals);
  const fetch::Record& record = result.records.at(0);
  if (record.outcome == fetch::Outcome::limit)
    throw std::runtime_error("more than " + std::to_string(max_catalog) + " bytes");
  if (record.outcome != fetch::Outcome::ok) throw std::runtime_error(record.error);
  return record.address->host() + "\n" + text.text;
}

void require_own_hosts(const fetch::PoemCatalog& catalog, const std::string& name,
                       const std::string& address) {
  for (const auto& poem : catalog.poems) {
    if (poem.where.host == name || poem.where.host == address) continue;
    throw std::runtime_error("it leads to another host, " + net::to_string(poem.where) +
                             " (--catalog-hosts any allows that)");
  }
}

/// Fetches the catalog, within the limits and retries of the others: one that ends in the midst of
/// its JSON is fetched anew. None where a signal ended it. In a process of its own: what it takes
/// is no engine's cost, and a name is looked up in a thread.
std::optional<fetch::PoemCatalog> fetch_catalog(const GetOptions& options, fetch::Batch batch,
                                                net::Signals& signals) {
  const net::HostPort& where = *options.catalog;
  batch.servers = {where};
  batch.fetch.send.reset();
  batch.fetch.until = {};
  batch.fetch.until_idle = {};
  batch.fetch.check =
      std::make_shared<fetch::AnswerCheck>(fetch::AnswerCheck{max_catalog, cut_json});
  batch.fetch.max_bytes = max_catalog;
  Apart apart([&](const output::Sink& answer) { answer(fetch_text(batch, signals)); });
  try {
    std::string text;
    apart.run(signals, [&](std::string_view piece) { text += piece; });
    if (apart.signalled()) return std::nullopt;
    const auto address = text.substr(0, text.find('\n'));
    auto catalog = fetch::parse_catalog(std::string_view(text).substr(address.size() + 1), where);
    if (options.catalog_hosts == "own") require_own_hosts(catalog, where.host, address);
    return catalog;
  } catch (const std::system_error&) {
    throw;
  } catch (const std::runtime_error& error) {
    if (apart.signalled()) return std::nullopt;
    const std::string what = error.what();
    const std::string name = net::to_string(where);
    throw CatalogError("catalog " + (what.starts_with(name) ? what : name + ": " + what));
  }
}

/// The servers given, then the catalog's poems that are not among them, each `repeat` times over;
/// those that stand in the catalog with what is expected of them, and its name unless they have
/// one.
fetch::Servers servers_of(std::vector<fetch::Server> given, const fetch::PoemCatalog& catalog,
                          std::uint64_t repeat) {
  std::unordered_map<std::string, const fetch::PoemCatalog::Poem*> known;
  for (const auto& poem : catalog.poems) known.emplace(net::to_string(poem.where), &poem);
  const auto expecting = [](fetch::Details details, const fetch::PoemCatalog::Poem& poem) {
    details.expected = poem.expected;
    if (details.label.empty()) details.label = poem.name;
    return std::make_shared<const fetch::Details>(std::move(details));
  };
  std::unordered_set<std::string> present;
  for (auto& server : given) {
    if (known.empty()) break;
    const auto found = known.find(net::to_string(server.where));
    if (found == known.end()) continue;
    present.insert(found->first);
    server.details = expecting(server.details ? *server.details : fetch::Details{}, *found->second);
  }
  for (const auto& poem : catalog.poems) {
    if (present.contains(net::to_string(poem.where))) continue;
    given.push_back({poem.where, expecting({}, poem)});
  }
  return fetch::Servers(std::move(given), repeat);
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
  if (options.verbose && options.fetch.retries > 0)
    cli::write_standard_error(fmt::format("Seed {}\n", batch.fetch.seed));
  batch.family = family_of(options);
  fetch::PoemCatalog catalog;
  if (options.catalog) {
    auto found = fetch_catalog(options, batch, signals);
    if (!found) return std::nullopt;
    catalog = std::move(*found);
    const auto name = net::to_string(*options.catalog);
    if (options.verbose) {
      cli::write_standard_error(fmt::format("Catalog {}: {} to fetch, {} passed over\n", name,
                                            base::counted(catalog.poems.size(), "poem"),
                                            base::counted(catalog.others, "other service")));
    }
    if (catalog.poems.empty() && given.empty())
      throw CatalogError("catalog " + name + ": no poem in it");
  }
  batch.servers = servers_of(std::move(given), catalog, options.repeat);
  const std::size_t tasks = batch.servers.size();
  if (options.calls_of > tasks)
    throw base::UsageError("there is no such task", std::to_string(*options.calls_of));
  const bool drawn =
      options.timeline != "false" || !options.timeline_svg.empty() || options.calls_of;
  batch.fetch.max_arrivals =
      drawn ? std::clamp(arrivals_in_all / tasks, min_arrivals, fetch::Arrivals::capacity) : 0;
  batch.parallel = max_in_flight(options, tasks);
  return batch;
}

}  // namespace poetry::get
