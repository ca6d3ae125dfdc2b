// poetry-sync: keeps a library of records in step with their servers.
#include "cli/main.hpp"

#include <csignal>
#include <functional>
#include <string>

#include "cli/log.hpp"
#include "commands.hpp"

int main(int argc, char** argv) {
  std::string command;
  const auto run = [&]() -> int {
    command = poetry::sync::command_in(argc, argv);
    poetry::sync::SyncOptions options;
    if (poetry::sync::parse_sync_options(argc, argv, options) == poetry::cli::Parsed::done)
      return poetry::cli::exit_ok;
    std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe fails; see guarded_main()
    poetry::cli::set_up_log(options.log, "poetry-sync");
    const auto& name = options.command;
    if (name == "serve" || name == "web" || name == "worker")
      return poetry::sync::run_serve(options);
    return poetry::sync::run_command(options);
  };
  return poetry::cli::guarded_main("poetry-sync", std::ref(run), command);
}
