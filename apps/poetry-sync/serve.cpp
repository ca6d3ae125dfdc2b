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

namespace poetry {
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
  Watch(Store& store, std::function<void()> changed)
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
        const auto began = Clock::now();
        changed_();
        news = false;
        // A large library is read at most half of the time.
        std::this_thread::sleep_for(std::min<Duration>(Clock::now() - began, news_wait));
      } catch (const std::exception& error) {
        log_error("{}", error.what());
        std::this_thread::sleep_for(pause_after_error);
      }
    }
  }

  Store& store_;
  std::function<void()> changed_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

/// The places that a command listens at, the page's first.
std::vector<HostPort> places_of(const SyncOptions& options) {
  std::vector<HostPort> places;
  if (options.command != "worker") places.push_back(options.web.listen);
  if (options.command != "web") places.push_back(options.control);
  return places;
}

void require_token(const HostPort& where, const std::string& token) {
  if (token.empty() && !is_loopback(where.host)) {
    throw UsageError("listening beyond this machine takes --token-file", to_string(where));
  }
}

void tell(const HostPort& where, std::string_view what) {
  write_standard_output("listening " + to_string(where) + " " + std::string(what) + "\n");
}

}  // namespace

int run_serve(const SyncOptions& options) {
  ServiceManager service_manager;
  raise_descriptor_limit();  // a stream for each page that is open
  const bool has_page = options.command != "worker";
  const bool has_worker = options.command != "web";
  const auto token = read_token(options.token_file);
  const auto places = places_of(options);
  for (const auto& each : places) require_token(each, token);
  auto listeners = listen_at(places);
  const auto database = open_database(options.database);
  Store store(*database);
  Hub hub(store);
  Api api(store, hub);
  boost::asio::io_context io{1};
  BlockingPool pool(io, database_threads);
  std::optional<Web> web;
  std::optional<Control> control;
  std::optional<Worker> worker;
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
    web.emplace(page, std::move(listeners.front()), io, pool, api, hub);
  }
  if (has_worker) {
    control.emplace(
        ControlOptions{
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
      if (web) hub.refresh();
    });
    io.run();
    if (worker) worker->stop();
  }
  worker.reset();
  pool.join();
  return exit_ok;
}

}  // namespace poetry
