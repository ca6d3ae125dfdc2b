// What a process that was forked off for one connection does, and how it talks with its parent.
//
// Parent and child hold an end each of a socket pair. The parent sends one message when the
// service is to drain; the end of the stream, which also a killed parent leaves behind, tells the
// child to stop. The child sends its report, and its end of the stream is the end of the process.
//
// All signals that the server reads stay blocked in a child, so that one sent to the whole process
// group, by a terminal's ^C or a service manager, is the parent's affair. SIGKILL ends a child
// alone.
#pragma once

#include "engine/loop.hpp"

namespace poetry::engine {

/// The one message of the parent's.
inline constexpr char drain_message = 'd';

/// The child's message: how its connection ended. Both run the same program, so it goes as it is.
struct Report {
  std::uint64_t bytes = 0;
  base::Duration elapsed{0};
  Reason reason = Reason::fault;
};

/// A forked process keeps no TCP socket but its own client's: a listener would stay bound, and
/// another's connection would not end, for as long as it lives.
void keep_one_connection(int client);

/// Takes the accepted and serves it to its end; `channel` is the child's end of the pair. Passes on
/// what the service raises when it opens the session.
Report serve_as_child(AcceptedSocket& accepted, const Port& port, int channel);

}  // namespace poetry::engine
