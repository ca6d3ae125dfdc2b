#include "control/lines.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "store/as_json.hpp"

namespace poetry::sync::control {
namespace {

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
  if (!lines.empty()) {
    return {.line = "line " + std::to_string(lines.front().number) + " " + lines.front().text};
  }
  if (store::is_active(state)) return {};
  return {.line = "end " + std::string(name_of(state))};
}

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

}  // namespace

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

}  // namespace poetry::sync::control
