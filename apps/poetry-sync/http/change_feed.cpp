#include "http/change_feed.hpp"

#include <fmt/format.h>

#include <chrono>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "store/as_json.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::size_t max_events = 2000;  // kept for those who come back

}  // namespace

ChangeFeed::ChangeFeed(store::Store& store)
    : store_(store),
      epoch_(std::to_string(std::chrono::system_clock::now().time_since_epoch().count())) {
  refresh();
}

void ChangeFeed::refresh() {
  const std::lock_guard one(
      refreshing_);  // what was read earlier must not follow what was read later
  const auto records = store_.records();
  const std::lock_guard lock(mutex_);
  const auto before = next();
  std::map<store::Id, std::string> now;
  for (const auto& each : records) {
    const auto& text = now.emplace(each.id, base::json_text(store::as_json(each))).first->second;
    const auto known = known_.find(each.id);
    if (known == known_.end() || known->second != text) put("record", text);
  }
  for (const auto& [id, text] : known_) {
    if (!now.contains(id)) put("removed", "{\"id\":" + std::to_string(id) + "}");
  }
  known_ = std::move(now);
  if (records_ && next() == before) return;
  std::string list = "[";
  for (const auto& [id, text] : known_) list.append(list.size() > 1 ? "," : "").append(text);
  records_ = std::make_shared<const std::string>(std::move(list) + "]");
  if (told_) told_();
}

ChangeFeed::Text ChangeFeed::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

ChangeFeed::Text ChangeFeed::event(std::uint64_t number, std::string_view kind,
                                   const std::string& data) const {
  return std::make_shared<const std::string>(
      fmt::format("id: {}-{}\nevent: {}\ndata: {}\n\n", epoch_, number, kind, data));
}

void ChangeFeed::put(std::string_view kind, const std::string& data) {
  events_.push_back(event(next(), kind, data));
  if (events_.size() <= max_events) return;
  events_.pop_front();
  ++first_;
}

ChangeFeed::News ChangeFeed::begin(std::string_view last_event_id) const {
  const std::string mark = epoch_ + "-";
  if (!last_event_id.starts_with(mark)) return after(0);
  try {
    return after(base::parse_count(last_event_id.substr(mark.size()), "event", 0, INT64_MAX) + 1);
  } catch (const std::runtime_error&) {
    return after(0);
  }
}

ChangeFeed::News ChangeFeed::after(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  if (number < first_ || number > next()) {  // somebody begins, or has lost too much
    return {{event(next() - 1, "records", *records_)}, next()};
  }
  return {{events_.begin() + static_cast<std::ptrdiff_t>(number - first_), events_.end()}, next()};
}

void ChangeFeed::on_news(std::function<void()> told) {
  const std::lock_guard lock(mutex_);
  told_ = std::move(told);
}

}  // namespace poetry::sync::http
