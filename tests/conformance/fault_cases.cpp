#include "conformance/fault_cases.hpp"

#include <algorithm>
#include <array>
#include <ostream>

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

void fire(StreamOutcome& outcome, const std::string& fault, std::size_t offset) {
  outcome.fired.push_back(fault + " at " + std::to_string(offset));
}

/// The stream ends after `size` bytes, if it gets that far.
void cut(StreamOutcome& outcome, const std::string& fault, std::size_t size, End end) {
  if (outcome.bytes.size() < size) return;
  outcome.bytes.resize(size);
  outcome.end = end;
  outcome.reason = end == End::silence ? engine::Reason::shutdown : engine::Reason::fault;
  outcome.min = outcome.first_byte;
  fire(outcome, fault, size);
}

/// The same after one line.
void cut_at_line(StreamOutcome& outcome, const std::string& fault, End end) {
  const auto newline = outcome.bytes.find('\n');
  if (newline != std::string::npos) cut(outcome, fault, newline + 1, end);
}

/// Each write is late by so much, the end only if a write makes it so.
void delay_writes(StreamOutcome& outcome, const std::string& fault, base::Duration by) {
  if (outcome.bytes.empty()) return;
  fire(outcome, fault, 0);
  outcome.first_byte += by;
  outcome.min = std::max(outcome.min, outcome.first_byte);
}

/// A stream that has any writes has one that is longer than a byte.
void slice(StreamOutcome& outcome, const std::string& fault) {
  if (!outcome.bytes.empty()) fire(outcome, fault, 0);
}

/// The stream stands still at its beginning until so long after it; then what is due comes at once.
void hold(StreamOutcome& outcome, const std::string& fault, base::Duration until) {
  fire(outcome, fault, 0);
  outcome.first_byte = std::max(outcome.first_byte, until);
  outcome.min = std::max(outcome.min, until);
}

/// Everything is late by so much.
void delay_all(StreamOutcome& outcome, base::Duration by) {
  outcome.first_byte += by;
  outcome.min += by;
}

}  // namespace

const std::vector<FaultCase>& every_fault() {
  using Number = std::uint64_t;
  static const std::vector<FaultCase> faults{
      {"None", {}, [](StreamOutcome&, Number) {}},
      {"CloseAfterBytes",
       {"close-after=5B"},
       [](StreamOutcome& it, Number) { cut(it, "close-after=5B", 5, End::fin); }},
      {"CloseAfterALine",
       {"close-after=1line"},
       [](StreamOutcome& it, Number) { cut_at_line(it, "close-after=1line", End::fin); }},
      {"ResetAfterBytes",
       {"reset-after=5B"},
       [](StreamOutcome& it, Number) { cut(it, "reset-after=5B", 5, End::reset); }},
      {"ResetAfterALine",
       {"reset-after=1line"},
       [](StreamOutcome& it, Number) { cut_at_line(it, "reset-after=1line", End::reset); }},
      {"ResetAfterAGap",
       {"reset-after=5B,gap=20ms"},
       [](StreamOutcome& it, Number) {
         const bool is_cut = it.bytes.size() >= 5;
         cut(it, "reset-after=5B,gap=20ms", 5, End::reset);
         if (is_cut) it.min += 20ms;
       }},
      {"CloseAfterATime",
       {"close-after=0s"},
       [](StreamOutcome& it, Number) { cut(it, "close-after=0s", 0, End::fin); }},
      {"ResetAfterATime",
       {"reset-after=0s"},
       [](StreamOutcome& it, Number) { cut(it, "reset-after=0s", 0, End::reset); }},
      {"StallForATime",
       {"stall-after=0s,for=20ms"},
       [](StreamOutcome& it, Number) { hold(it, "stall-after=0s,for=20ms", 20ms); }},
      {"Stall",
       {"stall-after=5B"},
       [](StreamOutcome& it, Number) { cut(it, "stall-after=5B", 5, End::silence); }},
      {"NeverReply",
       {"never-reply"},
       [](StreamOutcome& it, Number) { cut(it, "never-reply", 0, End::silence); }},
      {"Corrupt",
       {"corrupt=2"},
       [](StreamOutcome& it, Number) {
         if (it.bytes.empty()) return;
         it.bytes[2] = static_cast<char>(it.bytes[2] ^ 0xff);
         fire(it, "corrupt=2", 2);
       }},
      {"Slice", {"slice=1B"}, [](StreamOutcome& it, Number) { slice(it, "slice=1B"); }},
      {"Latency",
       {"latency=10ms"},
       [](StreamOutcome& it, Number) { delay_writes(it, "latency=10ms", 10ms); }},
      {"AcceptDelay",
       {"accept-delay=20ms"},
       [](StreamOutcome& it, Number) {
         delay_all(it, 20ms);
         fire(it, "accept-delay=20ms", 0);
       }},
      {"SlicedLateAndReset",
       {"slice=1B", "latency=5ms", "reset-after=5B"},
       [](StreamOutcome& it, Number) {
         slice(it, "slice=1B");
         delay_writes(it, "latency=5ms", 5ms);
         cut(it, "reset-after=5B", 5, End::reset);
       }},
      {"OneResetOneMute",
       {"#1:reset-after=4B", "#2:never-reply"},
       [](StreamOutcome& it, Number connection) {
         if (connection == 1) cut(it, "#1:reset-after=4B", 4, End::reset);
         if (connection == 2) cut(it, "#2:never-reply", 0, End::silence);
       },
       3},
  };
  return faults;
}

std::ostream& operator<<(std::ostream& out, End end) {
  constexpr std::array names{"FIN", "RST", "silence", "none"};
  return out << names.at(static_cast<std::size_t>(end));
}

std::ostream& operator<<(std::ostream& out, const FaultCase& fault) { return out << fault.name; }

faults::OnFired note_in(const support::Notes& notes) {
  return [&notes](const faults::Fired& fired) {
    notes.add(std::to_string(fired.peer.number) + ": " + std::string(fired.fault) + " at " +
              std::to_string(fired.offset));
  };
}

}  // namespace poetry::conformance
