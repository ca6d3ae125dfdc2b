// Pseudo-random plans over pseudo-random scripts, against a model that works out byte by byte what
// the client should see.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

#include "base/seed.hpp"
#include "faults/fault_spec.hpp"
#include "faults/script.hpp"

namespace poetry::faults {
namespace {

using namespace rehearsal;

/// The same throws everywhere, for one seed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t below(std::uint64_t end) { return base::derive_seed(seed_, throws_++) % end; }

 private:
  std::uint64_t seed_;
  std::uint64_t throws_ = 0;
};

/// A fault as the model knows it.
struct Known {
  std::string name;
  std::uint64_t amount = 0;  ///< of bytes, lines or milliseconds
  bool lines = false;
  std::optional<int> percent = {};
  std::uint64_t number = 0;  ///< 0: no connection's own

  [[nodiscard]] std::string text() const {
    std::string text;
    if (percent) text = std::to_string(*percent) + "%:";
    if (number != 0) text = "#" + std::to_string(number) + ":";
    text += name;
    if (name != "never-reply") text += "=" + std::to_string(amount);
    if (lines) text += "lines";
    if (name == "latency" || name == "accept-delay") text += "ms";
    return text;
  }
  /// Those of one family are at most one for each connection.
  [[nodiscard]] std::string family() const {
    if (name == "corrupt") return text().substr(text().find(name));
    return name == "latency" || name == "slice" || name == "accept-delay" ? name : "end";
  }
  [[nodiscard]] int rank() const { return number != 0 ? 2 : percent ? 1 : 0; }
};

Known random_fault(Dice& dice) {
  static const Texts names{"stall-after", "close-after", "reset-after", "never-reply",
                           "corrupt",     "corrupt",     "corrupt",     "slice",
                           "slice",       "latency",     "latency",     "accept-delay"};
  Known fault{names[dice.below(names.size())], dice.below(70)};
  if (fault.name == "slice") fault.amount = 1 + dice.below(9);
  if (fault.name.ends_with("-after") && dice.below(2) == 0) {
    fault.lines = true;
    fault.amount = dice.below(7);
  }
  if (fault.name == "accept-delay") return fault;
  if (const auto kind = dice.below(4); kind == 0) {
    fault.percent = static_cast<int>(dice.below(101));
  } else if (kind == 1) {
    fault.number = 1 + dice.below(3);
  }
  return fault;
}

/// Up to six faults, none of which contradicts another.
std::vector<Known> random_plan(Dice& dice) {
  std::vector<Known> plan;
  std::set<std::string> taken;
  for (auto left = dice.below(7); left > 0; --left) {
    const auto fault = random_fault(dice);
    const bool by_chance = fault.percent && !fault.name.starts_with("corrupt");
    const auto place = fault.family() + " " + fault.text().substr(0, fault.text().find(fault.name));
    if (by_chance || taken.insert(place).second) plan.push_back(fault);
  }
  return plan;
}

std::vector<Act> random_script(Dice& dice) {
  std::vector<Act> acts;
  base::Duration at{0};
  for (auto left = dice.below(12); left > 0; --left) {
    switch (dice.below(5)) {
      case 0:
        at += std::chrono::milliseconds(dice.below(100));
        acts.push_back(waits(at));
        break;
      case 1:
        acts.push_back(listens);
        break;
      case 2:
        acts.push_back(looks);
        break;
      default:
        std::string bytes;
        for (auto size = dice.below(20); size > 0; --size) {
          bytes += dice.below(5) == 0 ? '\n' : static_cast<char>(dice.below(256));
        }
        acts.push_back(writes(bytes));
    }
  }
  acts.push_back(dice.below(8) == 0 ? aborts : finishes);
  return acts;
}

/// The faults that a connection gets, by family.
std::map<std::string, Known> select(const std::vector<Known>& plan, const session::Peer& peer) {
  std::map<std::string, Known> chosen;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const auto& fault = plan[i];
    if (fault.number != 0 && fault.number != peer.number) continue;
    const auto draw = base::uniform(base::derive_seed(peer.seed, base::Purpose::faults), i);
    if (fault.percent && draw >= *fault.percent / 100.0) continue;
    const auto [at, fresh] = chosen.emplace(fault.family(), fault);
    if (!fresh && fault.rank() > at->second.rank()) at->second = fault;
  }
  return chosen;
}

/// What the client should see of a script.
class Model {
 public:
  explicit Model(std::map<std::string, Known> faults) : faults_(std::move(faults)) {}

  Seen run(const std::vector<Act>& acts) {
    if (const auto* late = find("accept-delay"); late != nullptr && late->amount > 0) {
      fire(*late);
      now_ += std::chrono::milliseconds(late->amount);
    }
    const auto opened = now_;
    for (const auto& act : acts) {
      const bool goes_first =
          (act.what == Act::What::wait && opened + act.at > now_) || act.what == Act::What::write;
      if (!(goes_first && is_at_begin()) && is_cut()) break;
      if (act.what == Act::What::wait) {
        now_ = std::max(now_, opened + act.at);
      } else if (act.what == Act::What::write) {
        write(act.bytes);
      } else if (act.what == Act::What::finish || act.what == Act::What::abort) {
        end(act.what == Act::What::abort ? End::reset : End::complete);
      }
    }
    return seen_;
  }

 private:
  const Known* find(const std::string& family) const {
    const auto at = faults_.find(family);
    return at == faults_.end() ? nullptr : &at->second;
  }
  void fire(const Known& fault) {
    if (fired_.insert(fault.text()).second) {
      seen_.fired.emplace_back(fault.text(), seen_.bytes.size());
    }
  }
  void end(End how) {
    seen_.end = how;
    seen_.ended = now_;
  }
  /// Cut before its first byte, which waits for the time that the first byte has.
  bool is_at_begin() {
    const auto* fault = find("end");
    return !cut_ && fault != nullptr && fault->name != "never-reply" && fault->amount == 0;
  }
  bool is_cut() {
    if (cut_) return true;
    const auto* fault = find("end");
    if (fault == nullptr) return false;
    const auto lines = std::count(seen_.bytes.begin(), seen_.bytes.end(), '\n');
    const auto sent = fault->lines ? static_cast<std::uint64_t>(lines) : seen_.bytes.size();
    if (fault->name != "never-reply" && sent < fault->amount) return false;
    fire(*fault);
    cut_ = true;
    if (fault->name == "reset-after") now_ += std::chrono::milliseconds(100);
    end(fault->name == "close-after"   ? End::fault
        : fault->name == "reset-after" ? End::reset
                                       : End::silent);
    return true;
  }
  void write(const std::string& bytes) {
    const auto* slice = find("slice");
    const auto* latency = find("latency");
    const bool sliced = slice != nullptr && bytes.size() > slice->amount;
    const auto max = sliced ? slice->amount : bytes.size();
    std::size_t at = 0;
    do {
      if (sliced) fire(*slice);
      if (latency != nullptr && latency->amount > 0) {
        fire(*latency);
        now_ += std::chrono::milliseconds(latency->amount);
      }
      if (is_cut()) return;
      for (const auto c : bytes.substr(at, max)) {
        const auto* corrupt = find("corrupt=" + std::to_string(seen_.bytes.size()));
        if (corrupt != nullptr) fire(*corrupt);
        seen_.bytes += corrupt != nullptr ? static_cast<char>(c ^ '\xff') : c;
        seen_.times.push_back(now_);
        if (is_cut()) return;
      }
      at += max;
    } while (at < bytes.size());
  }

  std::map<std::string, Known> faults_;
  bool cut_ = false;
  Seen seen_;
  std::set<std::string> fired_;
  base::Duration now_{0};
};

TEST(FaultModel, AThousandRandomPlansDoWhatTheModelSays) {
  std::map<std::string, int> fired;
  int bare = 0;
  for (std::uint64_t round = 0; round < 1000; ++round) {
    Dice dice(base::derive_seed(20240229, round));
    const auto plan = random_plan(dice);
    const auto acts = random_script(dice);
    const session::Peer peer{1 + dice.below(3), base::derive_seed(5, round)};
    Texts texts;
    for (const auto& fault : plan) texts.push_back(fault.text());
    SCOPED_TRACE(testing::Message() << "round " << round << testing::PrintToString(texts));

    const auto script = std::make_shared<Script>(acts);
    Firings firings;
    const auto service = with_faults(script, support::plan_of(texts), firings.note());
    const auto seen = play(*service, peer, script.get());
    const auto chosen = select(plan, peer);
    const auto expected = Model(chosen).run(acts);

    ASSERT_EQ(seen.bytes, expected.bytes);
    ASSERT_EQ(seen.times, expected.times);
    ASSERT_EQ(seen.end, expected.end);
    ASSERT_EQ(seen.ended, expected.ended);
    ASSERT_EQ(firings.list, expected.fired);
    if (const auto slice = chosen.find("slice"); slice != chosen.end()) {
      for (const auto& write : seen.writes) ASSERT_LE(write.size(), slice->second.amount);
    }
    if (chosen.empty()) ++bare;
    for (const auto& [text, offset] : firings.list) {
      const auto spec = text.substr(text.find(':') + 1);
      ++fired[spec.substr(0, spec.find('='))];
    }
  }
  EXPECT_GT(bare, 50);
  EXPECT_EQ(fired.size(), 8U);
  for (const auto& [name, times] : fired) EXPECT_GT(times, 20) << name;
}

}  // namespace
}  // namespace poetry::faults
