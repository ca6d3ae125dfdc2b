#include "control/server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <iterator>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "store/as_json.hpp"
#include "tcp/token.hpp"

namespace poetry::sync::control {
namespace {

namespace asio = boost::asio;

constexpr std::size_t longest_line = 1024;
// Who has gone is seen when something is sent to it.
constexpr auto longest_wait = std::chrono::seconds(10);

using store::parse_id;
using store::Store;
using Words = std::vector<std::string>;

Reply ok(const boost::json::value& value) { return {.line = "ok " + base::json_text(value)}; }

Reply ok(const store::Job& job) { return ok(as_json(job)); }

Reply failed(std::string_view what, After after = After::go_on) {
  return {.line = "error " + base::shown_utf8(what), .after = after};
}

Reply next_line(Store& store, store::Id job, std::int64_t number) {
  const auto state = store.job(job).state;  // before its lines: what is over gets no more of them
  const auto lines = store.log_after(job, number, 1);
  if (!lines.empty())
    return {.line = "line " + std::to_string(lines.front().number) + " " + lines.front().text};
  if (store::is_active(state)) return {};
  return {.line = "end " + std::string(name_of(state))};
}

/// What lines mean; man/poetry-sync.1 tells users.
struct Verb {
  std::string_view name;
  std::size_t operands;
  Reply (*answer)(Store& store, const Words& words);  ///< of which the first is the verb
};

constexpr std::array verbs{
    Verb{"request", 2,
         [](Store& s, const Words& words) {
           return ok(s.request(store::parse_record_type(words[1]), parse_id(words[2])).job);
         }},
    Verb{"request-all", 0,
         [](Store& s, const Words&) {
           boost::json::array jobs;
           for (const auto& each : s.request_all(std::nullopt))
             jobs.emplace_back(as_json(each.job));
           return ok(jobs);
         }},
    Verb{"job", 1, [](Store& s, const Words& words) { return ok(s.job(parse_id(words[1]))); }},
    Verb{"next", 2,
         [](Store& s, const Words& words) {
           const auto number = base::parse_count(words[2], "line", 0, INT64_MAX);
           return next_line(s, parse_id(words[1]), static_cast<std::int64_t>(number));
         }},
    Verb{"cancel", 1,
         [](Store& s, const Words& words) { return ok(s.cancel(parse_id(words[1]))); }},
    Verb{"retry", 1,
         [](Store& s, const Words& words) { return ok(s.retry(parse_id(words[1])).job); }},
    Verb{"status", 0, [](Store& s, const Words&) { return ok(store::as_json(s.count_jobs())); }},
    Verb{"quit", 0, [](Store&, const Words&) { return Reply{.line = "ok", .after = After::quit}; }},
};

/// Something else speaks here, such as a browser.
Reply unknown(const std::string& word) {
  std::string valid;
  for (const auto& each : verbs) valid.append(valid.empty() ? "" : ", ").append(each.name);
  return failed("unknown request (valid: " + valid + "): " + word, After::close);
}

/// What a line is answered, without I/O but the store's. Never raises.
Reply answer_line(Store& store, const std::string& line) {
  std::istringstream stream(line);
  const Words words{std::istream_iterator<std::string>(stream), {}};
  if (words.empty()) return failed("empty line");
  const auto* const verb = std::ranges::find(verbs, words.front(), &Verb::name);
  if (verb == verbs.end()) return unknown(words.front());
  if (words.size() != verb->operands + 1) {
    return failed("wrong number of words: " + words.front() + " takes " +
                  std::to_string(verb->operands));
  }
  try {
    return verb->answer(store, words);
  } catch (const std::exception& error) {
    return failed(error.what());
  }
}

}  // namespace

Control::Control(ControlOptions options, base::Fd listener, asio::io_context& io,
                 asio::thread_pool& database, store::Store& store, std::function<void()> quit)
    : options_(std::move(options)),
      io_(io),
      database_(database),
      store_(store),
      quit_(std::move(quit)),
      tcp_(io, std::move(listener), "control",
           [this](tcp::TcpConnection& connection) { return serve(connection); }) {}

void Control::wake() {
  asio::post(io_, [this] {
    ++changes_;
    for (auto* each : waiting_) each->cancel();
  });
}

void Control::stop() {
  tcp_.stop();
  for (auto* each : waiting_) each->cancel();
}

tcp::Coroutine<void> Control::serve(tcp::TcpConnection& connection) {
  bool trusted = options_.token.empty();
  std::string buffer;  // received, and not yet answered
  Reply reply;
  while (reply.after == After::go_on) {
    tcp::Error error;
    connection.expires_after(options_.idle_timeout);
    const auto size = co_await asio::async_read_until(
        connection.socket, asio::dynamic_buffer(buffer, longest_line), '\n', tcp::into(error));
    if (error && error != asio::error::not_found) co_return;
    auto line = buffer.substr(0, error ? 0 : size - 1);
    buffer.erase(0, size);
    if (line.ends_with('\r')) line.pop_back();
    if (error) {
      reply = {.line = "error the line is too long", .after = After::close};
    } else if (trusted) {
      reply = co_await ask(line);
    } else if (tcp::is_same_secret(line, "token " + options_.token)) {
      trusted = true;
      reply = {.line = "ok"};
    } else {
      reply = {.line = "error this server asks for its token: token TOKEN", .after = After::close};
    }
    reply.line += '\n';
    connection.expires_after(options_.idle_timeout);
    co_await asio::async_write(connection.socket, asio::buffer(reply.line), tcp::awaited);
  }
  if (reply.after == After::quit) quit_();
}

/// Asks again until there is something to say, or the wait has been long.
tcp::Coroutine<Reply> Control::ask(const std::string& line) {
  const auto until = base::Clock::now() + longest_wait;
  for (;;) {
    const auto seen = changes_;
    auto reply = co_await tcp::run_in(database_, [&] { return answer_line(store_, line); });
    if (tcp_.is_stopping() || !reply.line.empty()) co_return reply;
    if (base::Clock::now() >= until) co_return Reply{.line = "wait"};
    if (seen != changes_) continue;
    tcp::SteadyTimer timer(io_, until);
    waiting_.insert(&timer);
    tcp::Error cancelled;
    co_await timer.async_wait(tcp::into(cancelled));
    waiting_.erase(&timer);
  }
}

}  // namespace poetry::sync::control
