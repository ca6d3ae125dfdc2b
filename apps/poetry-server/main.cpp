// poetry-server: serves text files line by line, slowly and exactly on time.
#include <csignal>

#include "cli/log.hpp"
#include "cli/main.hpp"
#include "net/limits.hpp"
#include "server.hpp"

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("poetry-server", [argc, argv] {
    poetry::server::ServerOptions options;
    if (poetry::server::parse_server_options(argc, argv, options) == poetry::cli::Parsed::done)
      return static_cast<int>(poetry::cli::exit_ok);
    // A reader of the log that goes away must not end the server; see guarded_main() for output.
    std::signal(SIGPIPE, SIG_IGN);
    poetry::net::raise_descriptor_limit();
    if (options.check) return poetry::server::check(options);
    poetry::cli::set_up_log(options.log, "poetry-server");
    return poetry::server::serve(std::move(options), argc, argv);
  });
}
