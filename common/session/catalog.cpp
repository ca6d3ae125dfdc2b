// The catalog service: what this server serves, as one JSON array, from live data; then the end.
#include "session/catalog.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/json.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

boost::json::object describe(const CatalogEntry& entry) {
  boost::json::object text{
      {"host", entry.host}, {"port", entry.port}, {"service", entry.service}, {"name", entry.name}};
  if (entry.poem) {
    const auto facts = *entry.poem->facts();
    if (facts.bytes) text["bytes"] = *facts.bytes;
    if (facts.lines) text["lines"] = *facts.lines;
    if (facts.sha256) text["sha256"] = *facts.sha256;
    text["delay"] = base::seconds(facts.delay);
  }
  return text;
}

/// Whoever asks while facts are being found out waits for them.
constexpr auto facts_check = std::chrono::milliseconds(20);

class CatalogSession : public Session {
 public:
  explicit CatalogSession(std::vector<CatalogEntry> entries) : entries_(std::move(entries)) {}
  Step next(base::TimePoint now) override {
    if (!text_.empty()) return Finish{};
    const auto is_known = [](const auto& entry) { return !entry.poem || entry.poem->facts(); };
    if (!std::ranges::all_of(entries_, is_known)) return Listen{base::later(now, facts_check)};
    boost::json::array texts;
    for (const auto& entry : entries_) texts.push_back(describe(entry));
    text_ = base::json_text(texts, base::JsonSpaces::behind_separators) + "\n";
    return Write{text_};
  }

 private:
  std::vector<CatalogEntry> entries_;
  std::string text_;
};

}  // namespace

FactFinder::FactFinder(std::vector<std::shared_ptr<const PoemService>> poems)
    : poems_(std::move(poems)), process_(::getpid()), thread_(std::make_unique<std::thread>([this] {
        for (const auto& poem : poems_) poem->find_facts(stopping_);
      })) {}

std::vector<std::shared_ptr<const PoemService>> FactFinder::unfinished() const {
  auto poems = poems_;
  // Two of its owners are poems_ and this copy.
  std::erase_if(poems, [](const auto& poem) { return poem->facts() || poem.use_count() <= 2; });
  return poems;
}

FactFinder::~FactFinder() {
  stopping_ = true;
  if (process_ == ::getpid()) {
    thread_->join();
  } else {
    static_cast<void>(thread_.release());  // the parent's: nothing of it can be destroyed here
  }
}

ServiceKind catalog_kind() {
  return {.name = "catalog", .make = [](const ServiceSpec&, const Context& context) {
            return service_of([catalog = context.catalog](const Peer&, auto, const auto&) {
              return std::make_unique<CatalogSession>(catalog ? catalog()
                                                              : std::vector<CatalogEntry>{});
            });
          }};
}

}  // namespace poetry::session
