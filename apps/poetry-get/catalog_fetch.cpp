#include "catalog_fetch.hpp"

#include <boost/json/stream_parser.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "apart.hpp"

namespace poetry::get {
namespace {

// 65,535 ports, each with a line of 250 bytes.
constexpr std::uint64_t max_bytes = std::uint64_t{16} << 20;

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
    throw std::runtime_error("more than " + std::to_string(max_bytes) + " bytes");
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

}  // namespace

// In a process of its own: what it takes is no engine's cost, and a name is looked up in a thread.
std::optional<fetch::PoemCatalog> fetch_catalog(const net::HostPort& where,
                                                const fetch::FetchOptions& fetch,
                                                net::Family family, CatalogHosts hosts,
                                                net::Signals& signals) {
  fetch::Batch batch;
  batch.servers = {where};
  batch.fetch = fetch;
  batch.fetch.send.reset();
  batch.fetch.until = {};
  batch.fetch.until_idle = {};
  batch.fetch.check = std::make_shared<fetch::AnswerCheck>(fetch::AnswerCheck{max_bytes, cut_json});
  batch.fetch.max_bytes = max_bytes;
  batch.family = family;
  Apart apart([&](const output::Sink& answer) { answer(fetch_text(batch, signals)); });
  try {
    std::string text;
    apart.run(signals, [&](std::string_view piece) { text += piece; });
    if (apart.signalled()) return std::nullopt;
    const auto address = text.substr(0, text.find('\n'));
    auto catalog = fetch::parse_catalog(std::string_view(text).substr(address.size() + 1), where);
    if (hosts == CatalogHosts::own) require_own_hosts(catalog, where.host, address);
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

fetch::Servers servers_of(std::vector<fetch::Server> given, const fetch::PoemCatalog& catalog,
                          std::uint64_t repeat) {
  std::unordered_map<std::string, fetch::Expected> known;
  for (const auto& poem : catalog.poems) known.emplace(net::to_string(poem.where), poem.expected);
  const auto expecting = [](fetch::Details details, const fetch::Expected& expected) {
    details.expected = expected;
    return std::make_shared<const fetch::Details>(std::move(details));
  };
  std::unordered_set<std::string> present;
  for (auto& server : given) {
    if (known.empty()) break;
    const auto found = known.find(net::to_string(server.where));
    if (found == known.end()) continue;
    present.insert(found->first);
    server.details = expecting(server.details ? *server.details : fetch::Details{}, found->second);
  }
  for (const auto& poem : catalog.poems) {
    if (present.contains(net::to_string(poem.where))) continue;
    given.push_back({poem.where, expecting({}, poem.expected)});
  }
  return fetch::Servers(std::move(given), repeat);
}

}  // namespace poetry::get
