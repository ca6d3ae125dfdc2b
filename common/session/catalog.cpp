#include "session/catalog.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <string_view>

namespace poetry {
namespace {

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

/// Boost.JSON would write 0.25 as 2.5E-1; this is for people, too.
std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string describe(const CatalogEntry& entry) {
  std::string text =
      "{\"host\": " + json_string(entry.host) + ", \"port\": " + std::to_string(entry.port) +
      ", \"service\": " + json_string(entry.service) + ", \"name\": " + json_string(entry.name);
  if (entry.poem) {
    const auto& facts = entry.poem->facts();
    if (facts.bytes) text += ", \"bytes\": " + std::to_string(*facts.bytes);
    if (facts.lines) text += ", \"lines\": " + std::to_string(*facts.lines);
    if (facts.sha256) text += ", \"sha256\": " + json_string(*facts.sha256);
    text += ", \"delay\": " + number(seconds(facts.delay));
  }
  return text + "}";
}

class CatalogSession : public Session {
 public:
  explicit CatalogSession(std::string text) : text_(std::move(text)) {}
  Step next(TimePoint /*now*/) override {
    if (sent_) return Finish{};
    sent_ = true;
    return Write{text_};
  }

 private:
  std::string text_;
  bool sent_ = false;
};

}  // namespace

std::unique_ptr<Session> CatalogService::open(const Peer& /*peer*/, TimePoint /*now*/) {
  std::string text = "[";
  if (catalog_) {
    for (const auto& entry : catalog_()) {
      text.append(text.size() == 1 ? "" : ", ").append(describe(entry));
    }
  }
  return std::make_unique<CatalogSession>(text + "]\n");
}

}  // namespace poetry
