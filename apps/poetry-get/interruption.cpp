#include "interruption.hpp"

#include <sys/time.h>
#include <unistd.h>

#include <csignal>

#include "cli/main.hpp"

namespace poetry::get {

void Interruption::tasks_over(bool interrupted) {
  hurries_ = interrupted;
  if (interrupted) {
    std::signal(SIGALRM, [](int) { ::_exit(cli::exit_interrupted); });
    progress();
  } else {
    signals_.reset();
  }
}

void Interruption::progress() const {
  const itimerval second{{}, {1, 0}};
  if (hurries_) ::setitimer(ITIMER_REAL, &second, nullptr);
}

base::TimePoint Interruption::last_chance() const {
  return hurries_ ? base::Clock::now() + std::chrono::milliseconds(300) : base::never;
}

}  // namespace poetry::get
