// By how much a server's lines become later, a line: least squares of lateness over line number,
// with an offset for each client of its own, so that a constant lateness is no drift. Sums alone,
// which can be added up over processes.
#pragma once

namespace poetry::bench {

/// One client's lines.
struct Drift {
  double count = 0, lines = 0, late = 0, lines_squared = 0, lines_late = 0;

  void add(double line, double lateness) {
    ++count;
    lines += line;
    late += lateness;
    lines_squared += line * line;
    lines_late += line * lateness;
  }
};

/// over() / under() is the slope, in units of lateness a line.
class Slope {
 public:
  void add(const Drift& client) {
    if (client.count < 2) return;
    over_ += client.lines_late - client.lines * client.late / client.count;
    under_ += client.lines_squared - client.lines * client.lines / client.count;
  }
  [[nodiscard]] double over() const { return over_; }
  [[nodiscard]] double under() const { return under_; }

 private:
  double over_ = 0;
  double under_ = 0;
};

}  // namespace poetry::bench
