// The faults that the matrix goes through, each with a model of what it does to a connection: given
// what a client of the untouched service gets, what it gets now.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "faults/fault_spec.hpp"
#include "support/notes.hpp"

namespace poetry::conformance {

/// How a client sees its stream end, if it does.
enum class End { fin, reset, silence, none };
std::ostream& operator<<(std::ostream& out, End end);

/// What becomes of one connection.
struct StreamOutcome {
  std::string bytes;
  End end = End::fin;
  engine::Reason reason =
      engine::Reason::finished;    ///< where it does not end, the server stops: shutdown
  std::vector<std::string> fired;  ///< "FAULT at OFFSET", in the order in which they take effect
  base::Duration first_byte{0};    ///< not earlier than this after connecting
  base::Duration min{0};           ///< nor the end earlier than this
};

struct FaultCase {
  std::string name;
  std::vector<std::string> faults;  ///< as a user writes them
  std::function<void(StreamOutcome&, std::uint64_t connection)> afflict;
  std::size_t connections = 1;  ///< how many are told apart
};
std::ostream& operator<<(std::ostream& out, const FaultCase& fault);

const std::vector<FaultCase>& every_fault();

/// Notes each fault that fires as "CONNECTION: FAULT at OFFSET". Borrows `notes`.
faults::OnFired note_in(const support::Notes& notes);

}  // namespace poetry::conformance
