// The catalog service: what this server serves, as one JSON array, from live data; then the end.
#include "session/catalog.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "base/json.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

boost::json::object describe(const CatalogEntry& entry) {
  boost::json::object text{
      {"host", entry.host}, {"port", entry.port}, {"service", entry.service}, {"name", entry.name}};
  if (entry.poem) {
    const auto& facts = entry.poem->facts();
    if (facts.bytes) text["bytes"] = *facts.bytes;
    if (facts.lines) text["lines"] = *facts.lines;
    if (facts.sha256) text["sha256"] = *facts.sha256;
    text["delay"] = base::seconds(facts.delay);
  }
  return text;
}

class CatalogSession : public Session {
 public:
  explicit CatalogSession(std::string text) : text_(std::move(text)) {}
  Step next(base::TimePoint /*now*/) override {
    if (sent_) return Finish{};
    sent_ = true;
    return Write{text_};
  }

 private:
  std::string text_;
  bool sent_ = false;
};

/// Safe to call from several threads as far as its catalog is.
class CatalogService : public Service {
 public:
  /// An empty function gives an empty array.
  explicit CatalogService(Catalog catalog) : catalog_(std::move(catalog)) {}
  std::unique_ptr<Session> open(const Peer& /*peer*/, base::TimePoint /*now*/) override {
    boost::json::array entries;
    if (catalog_) {
      for (const auto& entry : catalog_()) entries.push_back(describe(entry));
    }
    return std::make_unique<CatalogSession>(
        base::json_text(entries, base::JsonSpaces::behind_separators) + "\n");
  }

 private:
  Catalog catalog_;
};

}  // namespace

ServiceKind catalog_kind() {
  return {.name = "catalog", .make = [](const ServiceSpec&, const Context& context) {
            return std::make_shared<CatalogService>(context.catalog);
          }};
}

}  // namespace poetry::session
