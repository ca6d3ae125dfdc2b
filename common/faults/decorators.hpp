// The faults as decorators, one a file. Each takes a session, and says what that one says but for
// its fault. How they stand around each other is said in the table of fault_spec.cpp.
#pragma once

#include "faults/decorator.hpp"

namespace poetry::faults {

/// No Write is longer than the fault's amount.
std::unique_ptr<session::Session> slice_writes(std::unique_ptr<session::Session> inner,
                                               const Trigger& trigger);

/// Each Write comes later, after a Pause, in which nothing is received; `inner` itself where that
/// is no later.
std::unique_ptr<session::Session> delay_writes(std::unique_ptr<session::Session> inner,
                                               const Trigger& trigger);

/// Every bit of one byte is flipped. It stands outside the latency, since it cuts a Write in three
/// and each of them would be late.
std::unique_ptr<session::Session> corrupt_byte(std::unique_ptr<session::Session> inner,
                                               const Trigger& trigger);

/// After so many bytes or newlines, the fault's last step takes the place of all that would come. A
/// stream that ends before is left alone.
std::unique_ptr<session::Session> cut_stream(std::unique_ptr<session::Session> inner,
                                             const Trigger& trigger);

/// Each session is opened later by the fault's time, counted from its arrival, and until then there
/// is a Pause: to the client, who is connected as soon as the kernel says so, a late accept.
std::shared_ptr<session::Service> delay_accept(std::shared_ptr<session::Service> inner,
                                               const Fault& fault, OnFired on_fired);

}  // namespace poetry::faults
