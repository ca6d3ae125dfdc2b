// A PostgreSQL server of the tests' own, from the distribution's package: its files are in a
// temporary directory, and it listens on a socket there. It ends with its owner.
#pragma once

#include <sys/types.h>

#include <string>
#include <thread>

#include "support/temporary_directory.hpp"

namespace poetry::support {

class PostgresServer {
 public:
  /// Made and started at the first call, and ended with the program. Raises std::runtime_error,
  /// also where PostgreSQL is not installed.
  static PostgresServer& shared();

  PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  /// The URL of a new, empty database.
  std::string make_database();

  /// Ends it with a signal that it ends by: SIGINT (fast), SIGQUIT or SIGKILL (a crash); then
  /// starts it again with what it holds.
  void restart(int signal);

 private:
  void begin();
  void stop(int signal);
  [[nodiscard]] std::string url(const std::string& database) const;
  void wait_until_ready(int log);

  TemporaryDirectory folder_;
  pid_t pid_ = -1;
  std::thread log_;  // reads what the server says, which would wait otherwise
  int databases_ = 0;
};

}  // namespace poetry::support
