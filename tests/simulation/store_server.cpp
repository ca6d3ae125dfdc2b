#include "simulation/store_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <optional>

#include "base/sha256.hpp"

namespace poetry::sync::simulation {
namespace {

constexpr std::uint64_t poem_ports = 10'000;
constexpr std::uint64_t catalog_ports = 20'000;
constexpr std::uint64_t weblog_ports = 30'000;
constexpr std::uint64_t ports_a_record = 100;
constexpr std::uint64_t ports_a_version = 10;
constexpr auto weblog_interval = 40ms;

base::Digest digest_of(const std::string& text) {
  base::Sha256 sha256;
  sha256.update(text);
  return sha256.finish_digest();
}

/// The poems are served behind the catalog's own port.
std::string catalog_at(std::uint64_t port, const ServerPlan& plan) {
  std::string text = "[";
  for (std::uint64_t i = 1; i <= plan.poems; ++i) {
    const auto poem = poem_at(fmt::format("{}:{}", server_host, port + i), plan);
    text += fmt::format(
        R"({}{{"host":"{}","port":{},"service":"poem","name":"poem {}","bytes":{},"sha256":"{}"}})",
        i == 1 ? "" : ",", server_host, port + i, i, poem.size(), base::to_hex(digest_of(poem)));
  }
  return text + "]";
}

/// One server's answer while it is sent.
class Answer {
 public:
  Answer(const fetch::Batch& batch, std::size_t task, World& world)
      : task_(task),
        world_(world),
        due_(world.now()),
        end_(batch.fetch.timeout > 0s ? base::later(world.now(), batch.fetch.timeout)
                                      : base::never) {
    const auto& where = batch.servers[task];
    const auto address = net::to_string(where);
    is_weblog_ = where.port >= weblog_ports;
    const bool is_catalog = where.port >= catalog_ports && where.port % ports_a_version == 0;
    const auto& plan = server_plan();
    if (!is_weblog_) text_ = is_catalog ? catalog_at(where.port, plan) : poem_at(address, plan);
    auto* const draws = world.draws();
    if (draws != nullptr && draws->chance(plan.failing_per_mille))
      breaks_at_ = draws->below(is_weblog_ ? 200 : text_.size() + 1);
    record_.error = address + ": reset";
    wait_for_next();
  }

  [[nodiscard]] base::TimePoint due() const { return std::min(due_, end_); }
  [[nodiscard]] bool is_over() const { return over_; }
  void interrupt(fetch::Observer& observer) { end(observer, fetch::Outcome::interrupted); }

  /// What is due: bytes, or the end.
  void go_on(fetch::Observer& observer) {
    if (world_.now() >= end_) return end(observer, fetch::Outcome::timeout);
    if (breaks_at_ && at_ >= *breaks_at_) return end(observer, fetch::Outcome::reset);
    if (is_weblog_) add_weblog_line();
    if (at_ == text_.size()) return end(observer, fetch::Outcome::ok);
    auto size = piece();
    if (breaks_at_) size = std::min(size, *breaks_at_ - at_);
    const auto why = size == 0 ? "" : observer.received(task_, record_, text_.substr(at_, size));
    at_ += size;
    if (!why.empty()) return end(observer, fetch::Outcome::output);
    wait_for_next();
  }

 private:
  void end(fetch::Observer& observer, fetch::Outcome outcome) {
    over_ = true;
    record_.outcome = outcome;
    if (outcome == fetch::Outcome::ok) {
      record_.error.clear();
      record_.sha256 = digest_of(text_);
    }
    observer.ended(task_, record_);
  }
  std::uint64_t piece() {
    auto* const draws = world_.draws();
    if (draws != nullptr && server_plan().in_pieces)
      return draws->between(std::uint64_t{1}, std::min<std::uint64_t>(text_.size() - at_, 40));
    return std::min(text_.find('\n', at_), text_.size() - 1) + 1 - at_;
  }
  void wait_for_next() {
    auto* const draws = world_.draws();
    const auto gap = is_weblog_ ? weblog_interval : server_plan().gap;
    due_ = world_.now() + (draws != nullptr ? draws->between(0ms, gap) : gap);
  }
  void add_weblog_line() {
    const auto number = (world_.now().time_since_epoch()) / weblog_interval;
    if (number == last_number_) return;
    last_number_ = number;
    text_ += fmt::format("event {}\n", number);
  }

  const std::size_t task_;
  World& world_;
  base::TimePoint due_;
  const base::TimePoint end_;
  fetch::Record record_;
  std::string text_;
  std::size_t at_ = 0;
  std::optional<std::size_t> breaks_at_;
  std::int64_t last_number_ = 0;
  bool is_weblog_ = false;
  bool over_ = false;
};

}  // namespace

ServerPlan& server_plan() {
  static ServerPlan plan;
  return plan;
}

std::string address_of(store::RecordType type, std::uint64_t record, std::uint64_t version) {
  const auto base = type == store::RecordType::poem         ? poem_ports
                    : type == store::RecordType::collection ? catalog_ports
                                                            : weblog_ports;
  return fmt::format("{}:{}", server_host,
                     base + record * ports_a_record + version * ports_a_version);
}

std::string poem_at(const std::string& address, const ServerPlan& plan) {
  std::string text;
  for (std::uint64_t i = 1; i <= plan.lines; ++i)
    text += fmt::format("line {} of {}\n", i, address);
  if (plan.unfinished && !text.empty()) text.pop_back();
  return text;
}

std::int64_t weblog_number(const std::string& line) { return std::stoll(line.substr(6)); }

void fetch_simulated(const fetch::Batch& batch, fetch::Observer& observer) {
  auto& world = World::here();
  std::list<Answer> answers;
  for (std::size_t task = 0; task < batch.servers.size(); ++task)
    answers.emplace_back(batch, task, world);
  while (!answers.empty()) {
    const auto next = std::ranges::min_element(answers, {}, &Answer::due);
    if (!world.current().signalled) world.wait(next->due());
    if (world.current().signalled) {
      for (auto& each : answers) each.interrupt(observer);
      return;
    }
    if (world.now() < next->due()) continue;
    next->go_on(observer);
    if (next->is_over()) answers.erase(next);
  }
}

}  // namespace poetry::sync::simulation
