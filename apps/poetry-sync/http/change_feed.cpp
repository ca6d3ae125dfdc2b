#include "http/change_feed.hpp"

#include <chrono>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "store/as_json.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::size_t max_events = 2000;  // kept for those who come back

/// Differs from that of the process before.
std::string new_epoch() {
  return std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
}

}  // namespace

ChangeFeed::ChangeFeed(store::Store& store) : store_(store), epoch_(new_epoch()) { refresh(); }

void ChangeFeed::refresh() {
  const std::lock_guard one(
      refreshing_);  // what was read earlier must not follow what was read later
  const auto records = store_.records();
  bool any = false;
  {
    const std::lock_guard lock(mutex_);
    std::map<store::Id, std::string> now;
    for (const auto& each : records) {
      auto text = base::json_text(store::as_json(each));
      const auto before = known_.find(each.id);
      if (before == known_.end() || before->second != text) put("record", text);
      any = any || before == known_.end() || before->second != text;
      now.emplace(each.id, std::move(text));
    }
    for (const auto& [id, text] : known_) {
      if (now.contains(id)) continue;
      put("removed", "{\"id\":" + std::to_string(id) + "}");
      any = true;
    }
    known_ = std::move(now);
    if (any || !records_) {
      std::string list = "[";
      for (const auto& [id, text] : known_) list.append(list.size() > 1 ? "," : "").append(text);
      records_ = std::make_shared<const std::string>(std::move(list) + "]");
    }
  }
  if (!any) return;
  const std::lock_guard lock(mutex_);
  if (told_) told_();
}

ChangeFeed::Text ChangeFeed::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

void ChangeFeed::put(std::string_view kind, const std::string& data) {
  const auto number = first_ + events_.size();
  std::string text = "id: " + epoch_ + "-" + std::to_string(number) + "\nevent: ";
  text.append(kind).append("\ndata: ").append(data).append("\n\n");
  events_.push_back(std::make_shared<const std::string>(std::move(text)));
  if (events_.size() <= max_events) return;
  events_.pop_front();
  ++first_;
}

/// Where somebody begins, or has lost too much.
ChangeFeed::News ChangeFeed::all() const {
  const auto next = first_ + events_.size();
  auto text = "id: " + epoch_ + "-" + std::to_string(next - 1) +
              "\nevent: records\ndata: " + *records_ + "\n\n";
  return {{std::make_shared<const std::string>(std::move(text))}, next};
}

ChangeFeed::News ChangeFeed::begin(std::string_view last_event_id) const {
  const std::string mark = epoch_ + "-";
  if (last_event_id.starts_with(mark)) {
    try {
      return after(base::parse_count(last_event_id.substr(mark.size()), "event", 0, INT64_MAX) + 1);
    } catch (const std::runtime_error&) {
      return after(0);
    }
  }
  return after(0);
}

ChangeFeed::News ChangeFeed::after(std::uint64_t next) const {
  const std::lock_guard lock(mutex_);
  const auto end = first_ + events_.size();
  if (next < first_ || next > end) return all();
  return {{events_.begin() + static_cast<std::ptrdiff_t>(next - first_), events_.end()}, end};
}

void ChangeFeed::on_news(std::function<void()> told) {
  const std::lock_guard lock(mutex_);
  told_ = std::move(told);
}

}  // namespace poetry::sync::http
