// Poems and settings that are read again beside the server, which goes on meanwhile. Owned by who
// serves, one for its life.
#pragma once

#include <sys/types.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "ports.hpp"

namespace poetry::server {

/// What was read, to be taken over between two turns.
struct Renewal {
  ServerOptions options;
  std::vector<Plan> plans;
  std::vector<Served> served;
};

class Reload {
 public:
  /// `read` runs in a thread.
  explicit Reload(std::function<Renewal()> read) : read_(std::move(read)) {}
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;
  /// Waits for what is being read; see is_reading().
  ~Reload();

  /// Begins to read; once more, where it is asked again meanwhile. Where no thread can be had, it
  /// reads at once. Raises std::system_error.
  void begin();
  /// What was read, once for each reading; none as long as nothing is new. Passes on what failed.
  std::optional<Renewal> take();
  /// Readable when take() has something. A forked process has one of its own. Raises
  /// std::system_error.
  int readable();
  [[nodiscard]] bool is_reading() const { return thread_ != nullptr; }

 private:
  std::function<Renewal()> read_;
  base::Fd done_;      // an eventfd(2)
  pid_t process_ = 0;  // that has it
  std::unique_ptr<std::thread> thread_;
  bool again_ = false;
  std::future<Renewal> renewal_;
};

}  // namespace poetry::server
