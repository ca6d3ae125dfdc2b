// poetry-server: serves text files line by line, slowly and exactly on time.
#include <csignal>

#include "check.hpp"
#include "cli/log.hpp"
#include "cli/main.hpp"
#include "net/descriptor_limit.hpp"
#include "server.hpp"

int main(int argc, char** argv) {
  return poetry::guarded_main("poetry-server", [argc, argv] {
    poetry::ServerOptions options;
    if (poetry::parse_server_options(argc, argv, options) == poetry::Parsed::done) {
      return static_cast<int>(poetry::exit_ok);
    }
    // A reader of the log that goes away must not end the server; see guarded_main() for output.
    std::signal(SIGPIPE, SIG_IGN);
    poetry::raise_descriptor_limit();
    if (options.check) return poetry::check(options);
    poetry::set_up_log(options.log, "poetry-server");
    poetry::Server server(std::move(options), argc, argv);
    return server.run();
  });
}
