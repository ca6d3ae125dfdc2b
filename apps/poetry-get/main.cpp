// poetry-get: fetches from many TCP servers, one after another or all at once.
#include "cli/main.hpp"

#include <csignal>

#include "cli/log.hpp"
#include "run.hpp"

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("poetry-get", [argc, argv]() -> int {
    poetry::get::GetOptions options;
    if (poetry::get::parse_get_options(argc, argv, options) == poetry::cli::Parsed::done)
      return poetry::cli::exit_ok;
    // A write to a closed pipe fails, and the terminal is left in order; see guarded_main().
    std::signal(SIGPIPE, SIG_IGN);
    if (options.check) return poetry::get::check(options);
    poetry::cli::set_up_log(options.log, "poetry-get");
    return poetry::get::run_get(options);
  });
}
