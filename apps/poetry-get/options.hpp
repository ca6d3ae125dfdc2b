// What poetry-get's command line says; the struct holds the defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "fetch/fetch.hpp"
#include "net/address.hpp"

namespace poetry::get {

struct GetOptions {
  std::string engine = "select";  ///< names, comma-separated, or "all"
  std::vector<std::string> from;
  std::optional<net::HostPort> catalog;  ///< whose poems are tasks, too
  std::string catalog_hosts = "own";     ///< to which it may lead
  std::uint64_t repeat = 1;
  std::uint64_t parallel = 0;  ///< 0 is all
  std::uint64_t rate = 0;      ///< connects a second at most; 0 is no limit
  std::string output;
  std::string output_dir;
  std::string print = "ordered";
  bool raw = false;
  bool quiet = false;
  bool verbose = false;
  std::string report = "text";
  std::string report_file;
  std::string timeline = "false";  ///< or true, live
  std::string timeline_svg;
  bool animate = false;
  bool calls = false;
  std::optional<std::uint64_t> calls_of;  ///< a task, from 1
  std::string retry_backoff = "exponential";
  fetch::FetchOptions fetch;          ///< limits and retries; `send` as read_send() gives it
  std::optional<std::uint64_t> seed;  ///< of retry delays; none: from the clock
  std::optional<std::string> send;    ///< as given: text with C escapes, or @FILE
  bool half_close = false;
  std::optional<std::string> until;  ///< as given, with C escapes
  std::string expect;                ///< as given
  bool ipv4 = false;
  bool ipv6 = false;
  bool check = false;
  cli::LogOptions log{"warn", "", "text"};
  std::vector<net::HostPort> servers;  ///< those on the command line

  /// Whether each engine runs once more, to be watched.
  [[nodiscard]] bool watches() const { return calls || calls_of; }
};

/// Fills `options`; `done` when --help or the like was asked for and printed.
/// Raises UsageError, and std::system_error where the config file cannot be read.
cli::Parsed parse_get_options(int argc, const char* const* argv, GetOptions& options);

/// The engines asked for, in order. Raises UsageError for a name that is none.
std::vector<std::string> engines_of(const std::string& names);

}  // namespace poetry::get
