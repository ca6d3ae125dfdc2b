#include "control/lines.hpp"

#include <sstream>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "base/utf8.hpp"
#include "store/as_json.hpp"

namespace poetry::sync::control {
namespace {

ControlLines::Reply ok(const boost::json::value& value) {
  return {.line = "ok " + base::json_text(value)};
}

ControlLines::Reply failed(std::string_view what) {
  return {.line = "error " + base::to_utf8(base::shown_text(what))};
}

/// What is no verb: something else speaks here, such as a browser.
struct NotOurs {};

void expect(const std::vector<std::string>& words, std::size_t count) {
  if (words.size() != count) {
    throw base::UsageError("wrong number of words",
                           words.front() + " takes " + std::to_string(count - 1));
  }
}

}  // namespace

ControlLines::Reply ControlLines::answer(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(std::move(word));
  if (words.empty()) return failed("empty line");
  try {
    return carry_out(words);
  } catch (const NotOurs&) {
    auto reply =
        failed("unknown request (valid: request, job, next, cancel, retry, status, quit): " +
               words.front());
    reply.after = After::close;
    return reply;
  } catch (const std::exception& error) {
    return failed(error.what());
  }
}

ControlLines::Reply ControlLines::carry_out(const std::vector<std::string>& words) {
  const auto& verb = words.front();
  if (verb == "request") {
    expect(words, 3);
    return ok(store::as_json(
        store_.request(store::parse_record_type(words[1]), store::parse_id(words[2])).job));
  }
  if (verb == "job") {
    expect(words, 2);
    return ok(store::as_json(store_.job(store::parse_id(words[1]))));
  }
  if (verb == "next") {
    expect(words, 3);
    return next_line(store::parse_id(words[1]),
                     static_cast<std::int64_t>(base::parse_count(words[2], "line", 0, INT64_MAX)));
  }
  if (verb == "cancel") {
    expect(words, 2);
    return ok(store::as_json(store_.cancel(store::parse_id(words[1]))));
  }
  if (verb == "retry") {
    expect(words, 2);
    return ok(store::as_json(store_.retry(store::parse_id(words[1])).job));
  }
  if (verb == "status") {
    expect(words, 1);
    return ok(store::as_json(store_.count_jobs()));
  }
  if (verb == "quit") {
    expect(words, 1);
    return {.line = "ok", .after = After::quit};
  }
  throw NotOurs();
}

ControlLines::Reply ControlLines::next_line(store::Id job, std::int64_t after) {
  const auto state = store_.job(job).state;  // before its lines: what is over gets no more of them
  const auto lines = store_.log_after(job, after, 1);
  if (!lines.empty()) {
    return {.line = "line " + std::to_string(lines.front().number) + " " + lines.front().text};
  }
  if (store::is_active(state)) return {};
  return {.line = "end " + std::string(name_of(state))};
}

}  // namespace poetry::sync::control
