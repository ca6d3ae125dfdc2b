// What poetry-sync's command line says; the struct holds the defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "http/guard.hpp"
#include "work/sync_job.hpp"

namespace poetry::sync {

struct SyncOptions {
  std::string command = "serve";
  std::vector<std::string> operands;  ///< as many as the command takes
  std::string database;               ///< see open_database()
  http::WebOptions web;
  net::HostPort control{"127.0.0.1", 8081};
  std::string token_file;
  std::uint64_t jobs = 4;  ///< at once
  work::JobOptions job;
  std::string name;
  std::string address;  ///< in place of a record's
  std::optional<store::Millis> every;
  bool all = false;
  bool wait = false;
  bool follow = false;
  std::string poem;  ///< of a collection
  bool json = false;
  cli::LogOptions log;
};

/// Fills `options`; `done` when --help or the like was asked for and printed.
/// Raises UsageError, and std::system_error where the config file cannot be read.
cli::Parsed parse_sync_options(int argc, const char* const* argv, SyncOptions& options);

/// The command that a command line names, empty where it names none that there is.
std::string command_in(int argc, const char* const* argv);

}  // namespace poetry::sync
