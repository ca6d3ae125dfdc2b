// What an engine's process answers: its run as bytes, and back. Only for processes of the same
// program.
#pragma once

#include <string>
#include <string_view>

#include "output/sink.hpp"
#include "report/report.hpp"

namespace poetry::get {

/// All of a run but its engine and servers, in pieces of some 64 KiB. Exact, also in its times: the
/// clock is the machine's.
void pack(report::Run run, const output::Sink& sink);

/// Puts the run together again as its bytes come, so that they never stand beside it as a whole.
class Unpacker {
 public:
  /// The next bytes, of any number.
  void take(std::string_view piece);
  /// What has come of the run.
  report::Run run;

 private:
  void unpack(std::string_view frame);

  std::string pending_;  // the beginning of a frame
  bool begun_ = false;   // the first frame, which is not a record, has come
};

}  // namespace poetry::get
