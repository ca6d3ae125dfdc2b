#include "work/fetching.hpp"

#include <pthread.h>

#include <csignal>

namespace poetry::sync::work {

Fetching::Fetching(const fetch::Batch& batch, const std::string& engine, EventQueue& queue)
    : queue_(queue),
      signals_{SIGUSR2},
      thread_([this, &batch, strategy = fetch::find_strategy(engine)] {
        try {
          strategy(batch, queue_, signals_);
        } catch (...) {
          failure_ = std::current_exception();
        }
        queue_.finish();
      }) {}

void Fetching::stop() {
  queue_.close();
  ::pthread_kill(thread_.native_handle(), SIGUSR2);
}

}  // namespace poetry::sync::work
