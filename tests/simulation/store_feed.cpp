#include "simulation/store_feed.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json.hpp"
#include "poetry-sync/store/as_json.hpp"

namespace poetry::sync::simulation {

void Page::follow() {
  feed_.refresh();
  const auto news = feed_.after(next_);
  next_ = news.next;
  std::string text;
  for (const auto& each : news.events) text += *each;
  for (std::size_t at = 0, end = 0; at < text.size(); at = end + 2) {
    end = text.find("\n\n", at);
    read(text.substr(at, end - at));
  }
}

void Page::read(const std::string& event) {
  const auto data = boost::json::parse(event.substr(event.find("\ndata: ") + 7));
  if (event.find("\nevent: records\n") != std::string::npos) {
    known_.clear();
    for (const auto& each : data.as_array())
      known_[each.at("id").as_int64()] = boost::json::serialize(each);
  } else if (event.find("\nevent: removed\n") != std::string::npos) {
    known_.erase(data.at("id").as_int64());
  } else {
    known_[data.at("id").as_int64()] = boost::json::serialize(data);
  }
}

std::string Page::difference() {
  follow();
  std::map<std::int64_t, std::string> stored;
  for (const auto& each : store_.records())
    stored[each.id] = boost::json::serialize(boost::json::parse(base::json_text(as_json(each))));
  for (const auto& [id, text] : stored)
    if (!known_.contains(id) || known_[id] != text)
      return "a page knows " + known_[id] + " in place of " + text;
  return known_.size() == stored.size() ? "" : "a page knows records that were removed";
}

}  // namespace poetry::sync::simulation
