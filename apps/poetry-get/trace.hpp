// What a process asks of the kernel, as strace(1) sees it: attached before the work begins, in a
// run of its own, since watching slows down what is watched. Owned by who compares the engines.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/fd.hpp"
#include "net/child.hpp"
#include "net/signals.hpp"
#include "report/report.hpp"

namespace poetry::get {

class Trace {
 public:
  /// Raises std::runtime_error, which says what helps, where strace is not there or may not watch.
  static void require();
  /// In the process that is watched: only what it asks between the two counts.
  static void mark_begin();
  static void mark_end();

  /// Returns once strace is attached to that child of this process. Raises as require() does.
  Trace(pid_t process, const net::Signals& signals);
  /// The calls, by when they began, once the process has ended. Call it once.
  std::vector<report::Call> take();

 private:
  base::Fd output_;
  net::Child strace_;
};

}  // namespace poetry::get
