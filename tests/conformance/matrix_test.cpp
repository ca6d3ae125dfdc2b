// Every engine x every service x every fault, over loopback, with several clients at once: which
// bytes each gets, how its stream ends, what the engine reports and which faults say that they
// fired. Times are bounded from below alone; silence is shown by waiting a moment for nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "base/seed.hpp"
#include "conformance/client.hpp"
#include "conformance/fault_cases.hpp"
#include "conformance/lists.hpp"
#include "session/services.hpp"
#include "support/plan.hpp"
#include "support/rig.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

/// Nothing for so long is silence. A stream that is late by more would pass for silent, but one
/// that is silent never fails.
constexpr auto silence = 30ms;
constexpr std::size_t clients_at_once = 3;

using Cell = std::tuple<std::string, ServiceCase, FaultCase>;

/// A case is named after its service, "Chargen" or "ChargenAtOnce" after chargen.
TEST(Matrix, EveryServiceHasItsCase) {
  std::istringstream names(session::service_names());
  for (std::string name; std::getline(names >> std::ws, name, ',');) {
    name[0] = static_cast<char>(std::toupper(name[0]));
    EXPECT_THAT(every_service(), ::testing::Contains(::testing::Field(
                                     &ServiceCase::name, ::testing::StartsWith(name))));
  }
}

/// But for those of a port where nobody is accepted.
TEST(Matrix, EveryFaultHasItsCase) {
  std::set<std::string> named{"refuse", "blackhole"};
  for (const auto& fault : every_fault()) {
    for (const auto& text : fault.faults) {  // "#1:reset-after=4B"
      const auto rest = text.substr(text.find(':') + 1);
      named.insert(rest.substr(0, rest.find('=')));
    }
  }
  for (const auto name : faults::fault_names())
    EXPECT_TRUE(named.contains(std::string(name))) << name;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  return lines;
}

/// What a client gets without faults; of a shared stream, the first one.
StreamOutcome untouched(const ServiceCase& service, std::uint64_t number) {
  StreamOutcome outcome{.bytes = service.expected, .fired = {}, .min = service.min};
  if (service.seeded)
    outcome.bytes = service.seeded(base::derive_seed(0, number));  // the rig's is 0
  if (service.stream == Stream::endless) {
    outcome.end = End::none;
    outcome.reason = engine::Reason::shutdown;
  }
  if (service.stream == Stream::shared) {
    const auto lines = lines_of(service.expected);
    outcome.bytes.clear();
    for (std::size_t i = 0; i < lines.size() / clients_at_once; ++i) outcome.bytes += lines[i];
  }
  return outcome;
}

class Matrix : public testing::TestWithParam<Cell> {
 protected:
  Matrix() {
    for (std::uint64_t number = 1; number <= (together_ ? clients_at_once : fault_.connections);
         ++number) {
      expected_.push_back(untouched(service_, number));
      fault_.afflict(expected_.back(), number);
    }
  }

  void serve_clients(const net::Address& server) {
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      clients_.emplace_back(server, service_.input);
      if (!together_) hear(i, i + 1);
    }
    if (together_) hear(0, clients_.size());
  }

  void hear(std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) clients_[i].hear(expected_[i].bytes.size());
    std::chrono::nanoseconds wait = silence;
    for (auto i = from; i < to; ++i) {
      if (expected_[i].end == End::none) continue;
      if (expected_[i].end != End::silence) {
        clients_[i].hear_end();
      } else {
        clients_[i].hear_end(wait);
        wait = 1us;  // the others have been silent all the while
      }
    }
  }

  void check_clients() const {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      SCOPED_TRACE("client " + std::to_string(i + 1));
      const auto& client = clients_[i];
      const auto& expected = expected_[i];
      if (expected.end == End::none) {
        EXPECT_EQ(client.bytes().substr(0, expected.bytes.size()), expected.bytes);
      } else if (service_.stream != Stream::shared || (i == 0 && !together_)) {
        EXPECT_EQ(client.bytes(), expected.bytes);
      }
      EXPECT_EQ(client.end(), expected.end == End::none ? End::silence : expected.end);
      EXPECT_GE(client.first_byte(), expected.first_byte);
      EXPECT_GE(client.elapsed(), expected.min);
    }
  }

  /// Of a shared stream, each client that no fault was for got lines in order, none that another
  /// one got, and all of them together got it all.
  void check_shared_stream() const {
    const auto stream = lines_of(service_.expected);
    auto left = stream;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (!expected_[i].fired.empty()) continue;
      auto from = stream.begin();
      for (const auto& line : lines_of(clients_[i].bytes())) {
        from = std::find(from, stream.end(), line);
        ASSERT_NE(from, stream.end()) << line << "in\n" << clients_[i].bytes();
        ASSERT_EQ(std::erase(left, line), 1U) << line << "twice";
      }
    }
    if (together_) {
      EXPECT_EQ(left, std::vector<std::string>{});
    }
  }

  const std::string& engine_ = std::get<0>(GetParam());
  const ServiceCase& service_ = std::get<1>(GetParam());
  const FaultCase& fault_ = std::get<2>(GetParam());
  /// All clients at once; of a shared stream one after another where faults count its bytes.
  const bool together_ = service_.stream != Stream::shared || fault_.faults.empty();
  std::vector<StreamOutcome> expected_;  // of each client
  std::vector<Client> clients_;
};

TEST_P(Matrix, EveryClientGetsWhatItsServiceAndFaultsSay) {
  const support::TemporaryDirectory directory;
  support::Notes notes;
  support::Rig rig(engine_,
                   faults::with_faults(service_.make(directory), support::plan_of(fault_.faults),
                                       note_in(notes), service_.requests));
  serve_clients(rig.address());
  check_clients();
  if (service_.stream == Stream::shared) check_shared_stream();

  std::vector<std::string> fired;
  std::map<std::uint64_t, engine::Reason> reasons;
  std::size_t finite = 0;
  for (const auto& expected : expected_) {
    const auto number = reasons.size() + 1;
    reasons[number] = expected.reason;
    if (expected.end == End::fin || expected.end == End::reset) ++finite;
    for (const auto& fault : expected.fired) fired.push_back(std::to_string(number) + ": " + fault);
  }
  notes.read(fired.size());
  static_cast<void>(rig.endings(finite));
  rig.tell(engine::Command::stop);  // which ends those that have no end
  EXPECT_EQ(rig.endings(reasons.size()), reasons);
  EXPECT_THAT(notes.read(), testing::UnorderedElementsAreArray(fired));
}

INSTANTIATE_TEST_SUITE_P(All, Matrix,
                         testing::Combine(testing::ValuesIn(every_engine()),
                                          testing::ValuesIn(every_service()),
                                          testing::ValuesIn(every_fault())),
                         [](const auto& at) {
                           return std::get<0>(at.param) + std::get<1>(at.param).name +
                                  std::get<2>(at.param).name;
                         });

}  // namespace
}  // namespace poetry::conformance
