#include "serve.hpp"

#include <unistd.h>

#include <array>
#include <boost/asio/signal_set.hpp>
#include <optional>

#include "base/error.hpp"
#include "base/log.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"
#include "control/server.hpp"
#include "http/server.hpp"
#include "net/descriptor_limit.hpp"
#include "net/service_manager.hpp"
#include "tcp/listening.hpp"
#include "tcp/token.hpp"
#include "work/worker.hpp"

namespace poetry::sync {
namespace {

constexpr std::size_t database_threads = 4;
constexpr auto news_wait = std::chrono::milliseconds(250);  // for news, so that a stop is seen
constexpr auto pause_after_error = std::chrono::seconds(1);

/// "host:pid", by which logs tell workers apart.
std::string worker_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return std::to_string(::getpid());
  return std::string(host.data()) + ":" + std::to_string(::getpid());
}

/// Waits for changes of the store, also by other processes, and passes them on.
class Watch {
 public:
  Watch(store::Store& store, std::function<void()> changed)
      : store_(store), changed_(std::move(changed)), thread_([this] { run(); }) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    stopping_ = true;
    thread_.join();
  }

 private:
  void run() {
    bool news = false;  // that were not passed on yet, perhaps since that failed
    while (!stopping_) {
      try {
        news = store_.wait_for_news(news_wait) || news;
        if (!news) continue;
        const auto began = base::Clock::now();
        changed_();
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

  store::Store& store_;
  std::function<void()> changed_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

/// The places that a command listens at, the page's first.
std::vector<net::HostPort> places_of(const SyncOptions& options) {
  std::vector<net::HostPort> places;
  if (options.command != "worker") places.push_back(options.web.listen);
  if (options.command != "web") places.push_back(options.control);
  return places;
}

void require_token(const net::HostPort& where, const std::string& token) {
  if (token.empty() && !tcp::is_loopback(where.host)) {
    throw base::UsageError("listening beyond this machine takes --token-file",
                           net::to_string(where));
  }
}

void tell(const net::HostPort& where, std::string_view what) {
  cli::write_standard_output("listening " + net::to_string(where) + " " + std::string(what) + "\n");
}

}  // namespace

int run_serve(const SyncOptions& options) {
  net::ServiceManager service_manager;
  net::raise_descriptor_limit();  // a stream for each page that is open
  const bool has_page = options.command != "worker";
  const bool has_worker = options.command != "web";
  const auto token = tcp::read_token(options.token_file);
  const auto places = places_of(options);
  for (const auto& each : places) require_token(each, token);
  auto listeners = tcp::listen_at(places);
  const auto database = store::open_database(options.database);
  store::Store store(*database);
  http::ChangeFeed feed(store);
  http::Api api(store, feed);
  boost::asio::io_context io{1};
  tcp::BlockingPool pool(io, database_threads);
  std::optional<http::Web> web;
  std::optional<control::Control> control;
  std::optional<work::Worker> worker;
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  const auto stop = [&] {
    service_manager.stopping();
    if (web) web->stop();
    if (control) control->stop();
    signals.cancel();
    signals.clear();  // a second one ends the process at once, by its default
  };
  signals.async_wait([&](boost::system::error_code error, int) {
    if (!error) stop();
  });
  if (has_page) {
    auto page = options.web;
    page.token = token;
    web.emplace(page, std::move(listeners.front()), io, pool, api, feed);
  }
  if (has_worker) {
    control.emplace(
        control::ControlOptions{
            .listen = options.control, .token = token, .idle_timeout = options.web.idle_timeout},
        std::move(listeners.back()), io, pool, store, stop);
    worker.emplace(store, options.job, worker_name(), options.jobs);
  }
  if (web) tell(web->where(), "page");
  if (control) tell(control->where(), "control");
  service_manager.ready();
  {
    const Watch watch(store, [&] {
      if (worker) worker->wake();
      if (control) control->wake();
      if (web) feed.refresh();
    });
    io.run();
    if (worker) worker->stop();
  }
  worker.reset();
  pool.join();
  return cli::exit_ok;
}

}  // namespace poetry::sync
