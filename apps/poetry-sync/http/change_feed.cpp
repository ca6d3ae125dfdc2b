#include "http/change_feed.hpp"

#include <fmt/format.h>

#include <chrono>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "store/as_json.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::size_t max_events = 2000;  // kept for those who come back
// Who begins gets a list that others have got, and these events behind it, so that many who do not
// read hold few lists.
constexpr std::uint64_t max_list_age = 500;

}  // namespace

ChangeFeed::ChangeFeed(store::Store& store)
    : store_(store),
      epoch_(std::to_string(std::chrono::system_clock::now().time_since_epoch().count())) {
  refresh();
}

void ChangeFeed::refresh() {
  const std::lock_guard one(
      refreshing_);  // what was read earlier must not follow what was read later
  const auto news = store_.news_since(horizon_);
  std::vector<Text> texts;
  for (const auto& each : news.records)
    texts.push_back(std::make_shared<const std::string>(base::json_text(store::as_json(each))));
  const std::lock_guard lock(mutex_);
  const auto before = next();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto& known = known_[news.records[i].id];
    if (known && *known == *texts[i]) continue;
    known = texts[i];
    put("record", *known);
  }
  for (const auto id : news.removed) {
    if (known_.erase(id) > 0) put("removed", "{\"id\":" + std::to_string(id) + "}");
  }
  horizon_ = news.horizon;
  if (told_ && next() != before) told_();
}

ChangeFeed::Text ChangeFeed::records() const {
  const std::lock_guard lock(mutex_);
  return list(0).text;
}

std::size_t ChangeFeed::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

ChangeFeed::List ChangeFeed::list(std::uint64_t max_age) const {
  if (list_.text && list_.next >= first_ && next() - list_.next <= max_age) return list_;
  std::string text = "[";
  for (const auto& [id, each] : known_) text.append(text.size() > 1 ? "," : "").append(*each);
  return list_ = {std::make_shared<const std::string>(std::move(text) + "]"), next()};
}

void ChangeFeed::put(std::string_view kind, const std::string& data) {
  events_.push_back(std::make_shared<const std::string>(
      fmt::format("id: {}-{}\nevent: {}\ndata: {}\n\n", epoch_, next(), kind, data)));
  if (events_.size() <= max_events) return;
  events_.pop_front();
  ++first_;
}

ChangeFeed::News ChangeFeed::begin(std::string_view last_event_id) const {
  const std::string mark = epoch_ + "-";
  if (last_event_id.starts_with(mark)) {
    try {
      return after(base::parse_count(last_event_id.substr(mark.size()), "event", 0, INT64_MAX) + 1);
    } catch (const std::runtime_error&) {  // then it begins with all
    }
  }
  return after(0);
}

ChangeFeed::News ChangeFeed::after(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  News news{.events = {}, .next = next(), .is_anew = number < first_ || number > next()};
  if (news.is_anew) {  // somebody begins, or has lost too much
    const auto all = list(max_list_age);
    const auto head = fmt::format("id: {}-{}\nevent: records\ndata: ", epoch_, all.next - 1);
    news.events = {std::make_shared<const std::string>(head), all.text, end_of_event_};
    number = all.next;
  }
  news.events.insert(news.events.end(),
                     events_.begin() + static_cast<std::ptrdiff_t>(number - first_), events_.end());
  return news;
}

void ChangeFeed::on_news(std::function<void()> told) {
  const std::lock_guard lock(mutex_);
  told_ = std::move(told);
}

}  // namespace poetry::sync::http
