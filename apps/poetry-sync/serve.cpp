// The commands that run until they are told to stop.
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/error.hpp"
#include "base/log.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"
#include "commands.hpp"
#include "control/server.hpp"
#include "http/server.hpp"
#include "net/limits.hpp"
#include "net/service_manager.hpp"
#include "net/signals.hpp"
#include "net/socket.hpp"
#include "tcp/token.hpp"
#include "work/worker.hpp"

namespace poetry::sync {
namespace {

constexpr int backlog = 1024;  // pages that come back at once after a restart
constexpr std::size_t database_threads = 4;
constexpr auto news_wait = std::chrono::milliseconds(250);  // for news, so that a stop is seen
constexpr auto pause_after_error = std::chrono::seconds(1);

bool has_page(const SyncOptions& options) { return options.command != "worker"; }
bool has_worker(const SyncOptions& options) { return options.command != "web"; }

/// Whether all of a host's addresses are those of this machine alone.
bool is_loopback(const std::string& host) {
  return std::ranges::all_of(net::addresses_of({host, 0}), [](const net::Address& each) {
    const auto numeric = each.host();
    return numeric == "::1" || numeric.starts_with("127.");
  });
}

/// The page's first. At the first address of a name, unless this process inherited one for it.
std::vector<base::Fd> listen_for(const SyncOptions& options, const std::string& token) {
  std::vector<net::HostPort> places;
  if (has_page(options)) places.push_back(options.web.listen);
  if (has_worker(options)) places.push_back(options.control);
  auto inherited = net::inherited_listeners();
  std::vector<base::Fd> listeners;
  for (const auto& each : places) {
    if (token.empty() && !is_loopback(each.host))
      throw base::UsageError("listening beyond this machine takes --token-file",
                             net::to_string(each));
    listeners.push_back(net::take_listener_at(each, inherited));
  }
  net::refuse_left_over(inherited);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (listeners[i]) {
      net::adopt_listener(listeners[i].get(), backlog);
    } else {
      try {
        listeners[i] = net::listen_on(net::addresses_of(places[i]).front(), backlog);
      } catch (const std::system_error& error) {
        throw base::Failure(error.what(), net::listening_remedy(error.code()));
      }
    }
  }
  return listeners;
}

void tell(const net::HostPort& where, std::string_view what) {
  cli::write_standard_output("listening " + net::to_string(where) + " " + std::string(what) + "\n");
}

/// What one process of poetry-sync has: the page or a worker, or both, over one store.
class Serving {
 public:
  Serving(const SyncOptions& options, const std::string& token)
      : listeners_(listen_for(options, token)),
        database_(store::open_database(options.database)),
        store_(*database_) {
    await_signal();
    if (has_page(options)) {
      auto page = options.web;
      page.token = token;
      web_.emplace(page, std::move(listeners_.front()), io_, pool_, writing_, store_);
    }
    if (has_worker(options)) {
      control_.emplace(
          control::ControlOptions{
              .listen = options.control, .token = token, .idle_timeout = options.web.idle_timeout},
          std::move(listeners_.back()), io_, pool_, store_, [this] { stop(); });
      // "host:pid", by which logs tell workers apart.
      const auto name = boost::asio::ip::host_name() + ":" + std::to_string(::getpid());
      worker_.emplace(store_, options.job, name, options.jobs);
    }
  }

  /// Returns when it was told to stop and all has ended.
  void run() {
    {
      const std::jthread watching([this](const std::stop_token& stopping) { watch(stopping); });
      if (web_) tell(web_->where(), "page");
      if (control_) tell(control_->where(), "control");
      service_manager_.ready();
      io_.run();
      if (worker_) worker_->stop();
    }
    worker_.reset();
    pool_.join();
    writing_.join();
  }

 private:
  void await_signal() {
    signalled_.async_wait(signalled_.wait_read, [this](const tcp::Error& ended) {
      if (!ended) signals_.take() ? stop() : await_signal();
    });
  }

  void stop() {
    service_manager_.stopping();
    if (web_) web_->stop();
    if (control_) control_->stop();
    signalled_.close();
    signals_.let_act();  // a second one ends the process at once, by its default
  }

  /// Waits for changes of the store, also by other processes, and passes them on. In a thread of
  /// its own.
  void watch(const std::stop_token& stopping) {
    bool news = false;  // that were not passed on yet, perhaps since that failed
    while (!stopping.stop_requested()) {
      try {
        news = store_.wait_for_news(news_wait) || news;
        if (!news) continue;
        const auto began = base::Clock::now();
        if (worker_) worker_->wake();
        if (control_) control_->wake();
        if (web_) web_->refresh();
        news = false;
        // A large library is read at most half of the time.
        std::this_thread::sleep_for(
            std::min<base::Duration>(base::Clock::now() - began, news_wait));
      } catch (const std::exception& error) {
        base::log_error("{}", error.what());
        std::this_thread::sleep_for(pause_after_error);
      }
    }
  }

  net::ServiceManager service_manager_;
  std::vector<base::Fd> listeners_;
  std::unique_ptr<store::Database> database_;
  store::Store store_;
  net::Signals signals_{SIGINT, SIGTERM};  // before any thread, and Asio's would hide a failure
  boost::asio::io_context io_{1};
  boost::asio::posix::stream_descriptor signalled_{io_, ::dup(signals_.fd())};
  tcp::ThreadPool pool_{database_threads};
  tcp::ThreadPool writing_{database_threads};  // for the page's writes
  std::optional<http::Web> web_;
  std::optional<control::Control> control_;
  std::optional<work::Worker> worker_;
};

}  // namespace

int run_serve(const SyncOptions& options) {
  net::raise_descriptor_limit();  // a stream for each page that is open
  Serving(options, tcp::read_token(options.token_file)).run();
  return cli::exit_ok;
}

}  // namespace poetry::sync
