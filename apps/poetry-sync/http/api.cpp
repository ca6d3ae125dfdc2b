#include "http/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/utf8.hpp"
#include "store/as_json.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::int64_t max_listed = 500;  // records, jobs or log lines in one answer
constexpr unsigned deepest_json = 8;
constexpr std::int64_t all_parts = -1;

/// Ends a request.
[[noreturn]] void fail(unsigned status, std::string_view title, std::string_view detail = "") {
  throw problem(status, title, detail);
}

/// An id in a path; 404 for what cannot be one.
store::Id id_in_path(const std::string& text) {
  try {
    return store::parse_id(text);
  } catch (const base::UsageError&) {
    fail(404, "Not found", "no id: " + text);
  }
}

/// The text behind KEY= in the target's query, if it is there.
std::optional<std::string> text_in_query(const Request& request, std::string_view key) {
  const auto query = std::string_view(request.target).substr(request.path().size());
  auto text = form_value(query.substr(query.starts_with('?') ? 1 : 0), key);
  if (text && (base::valid_utf8(*text) != *text || text->find('\0') != std::string::npos))
    fail(400, "Bad query", std::string(key) + " is no text in UTF-8");
  return text;
}

/// The number behind KEY= in the target's query, if it is there.
std::int64_t number_in_query(const Request& request, std::string_view key, std::int64_t otherwise,
                             std::int64_t min = 0, std::int64_t max = INT64_MAX) {
  const auto text = text_in_query(request, key);
  if (!text) return otherwise;
  try {
    return static_cast<std::int64_t>(base::parse_count(*text, key, static_cast<std::uint64_t>(min),
                                                       static_cast<std::uint64_t>(max)));
  } catch (const base::UsageError& error) {
    fail(400, "Bad query", error.what());
  }
}

/// A body that must be a JSON object, and say so.
boost::json::object body_of(const Request& request) {
  auto type = request.content_type.substr(0, request.content_type.find(';'));
  type.erase(type.find_last_not_of(" \t") + 1);
  if (!boost::iequals(type, "application/json"))
    fail(415, "Unsupported media type", "a write takes application/json");
  boost::system::error_code error;
  const auto value = boost::json::parse(request.body, error, {}, {.max_depth = deepest_json});
  if (error) fail(400, "Bad JSON", error.message());
  if (!value.is_object()) fail(400, "Bad JSON", "not an object");
  return value.as_object();
}

/// A member that must be a string.
std::string text_in(const boost::json::object& object, std::string_view key) {
  const auto* const value = object.if_contains(key);
  if (value == nullptr || !value->is_string())
    fail(400, "Bad request", fmt::format("\"{}\" must be a string", key));
  return std::string(value->as_string());
}

/// Of what was made, with its place.
Response json(unsigned status, const boost::json::value& value, const std::string& location = {}) {
  Response response{.status = status, .body = base::json_text(value)};
  if (!location.empty()) response.fields.emplace_back("Location", location);
  return response;
}

/// What was done, once the feed knows. It is done also where the feed cannot be told now, and is
/// with the next news.
auto and_tell(auto done, ChangeFeed& feed) {
  try {
    feed.refresh();
  } catch (const store::DatabaseError& error) {
    base::log_error("{}", error.what());
  }
  return done;
}

Response add(const Request& request, store::Store& store, ChangeFeed& feed) {
  const auto body = body_of(request);
  const auto type = store::parse_record_type(text_in(body, "type"));
  const auto name = body.contains("name") ? text_in(body, "name") : std::string();
  auto record = store::new_record(type, text_in(body, "address"), name);
  if (body.contains("every")) record.every = store::parse_every(text_in(body, "every"));
  const auto added = and_tell(store.add(record), feed);
  return json(201, as_json(added), fmt::format("/api/records/{}", added.id));
}

Response request_job(const Request& request, store::Store& store, ChangeFeed& feed) {
  const auto body = body_of(request);
  const auto is_id = [](const boost::json::value& each) { return each.is_int64(); };
  if (const auto* const all = body.if_contains("all")) {
    if (*all != true) fail(400, "Bad request", "\"all\" must be true");
    return json(202, as_json(and_tell(store.request_all(std::nullopt), feed)));
  }
  if (const auto* const records = body.if_contains("records")) {
    if (!records->is_array() || !std::ranges::all_of(records->get_array(), is_id))
      fail(400, "Bad request", "\"records\" must be an array of ids");
    const auto ids = boost::json::value_to<std::vector<store::Id>>(*records);
    return json(202, as_json(and_tell(store.request_all(ids), feed)));
  }
  const auto* const record = body.if_contains("record");
  if (record == nullptr || !is_id(*record)) fail(400, "Bad request", "\"record\" must be an id");
  const auto job = and_tell(store.request(record->as_int64()).job, feed);
  return json(202, as_json(job), fmt::format("/api/jobs/{}", job.id));
}

Response records(const Request& request, store::Store& store, ChangeFeed& feed) {
  const auto text = text_in_query(request, "q");
  const auto state = text_in_query(request, "state");
  const auto after = number_in_query(request, "after", -1);
  const auto limit = number_in_query(request, "limit", -1, 1, max_listed);
  if (!text && !state && after < 0 && limit < 0) return {.shared = feed.records()};
  if (state && !state->empty() && *state != "new" &&
      std::ranges::count(store::job_state_names, *state) == 0) {
    fail(400, "Bad query", "no state of a job: " + *state);
  }
  return json(200,
              as_json(store.records_after(std::max<store::Id>(after, 0), text.value_or(""),
                                          state.value_or(""), limit < 0 ? max_listed : limit)));
}

/// All of a text. Where it is deleted meanwhile, the body is broken off.
Response all_of(store::Store& store, const store::Store::Text& text) {
  return {.type = "text/plain; charset=utf-8", .more = store.read(text)};
}

/// All parts of what was stored last, or one.
Response record_text(store::Store& store, store::Id record, std::int64_t part) {
  auto text = store.text(record);
  if (text.job == 0) fail(404, "Not found", fmt::format("record {} is not synced yet", record));
  if (part != all_parts) {
    std::erase_if(text.parts, [part](const store::Part& each) { return each.number != part; });
    if (text.parts.empty())
      fail(404, "Not found", fmt::format("record {} has no part {}", record, part));
  }
  return all_of(store, text);
}

/// That of one job, which may be what a later one has replaced, or was not taken.
Response job_text(store::Store& store, store::Id job) {
  store.job(job);
  auto parts = store.parts(job);
  if (parts.empty()) fail(404, "Not found", fmt::format("job {} has no text (any more)", job));
  return all_of(store, {job, std::move(parts)});
}

Response job_log(store::Store& store, store::Id job) {
  store.job(job);
  auto more = [&store, job, after = std::int64_t{0}]() mutable {
    std::string text;
    for (const auto& line : store.log_after(job, after, max_listed)) {
      text += fmt::format("{} {} {}\n", line.number, store::time_text(line.at), line.text);
      after = line.number;
    }
    return text;
  };
  const auto disposition = fmt::format("attachment; filename=\"job-{}.txt\"", job);
  return {.type = "text/plain; charset=utf-8",
          .fields = {{"Content-Disposition", disposition}},
          .more = std::move(more)};
}

/// In the text exposition format 0.0.4 of Prometheus.
Response metrics(store::Store& store, ChangeFeed& feed) {
  std::string text;
  const auto gauge = [&text](std::string_view name, std::string_view about, std::uint64_t value) {
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, about, value);
  };
  gauge("poetry_sync_records", "Records in the library.", feed.size());
  text += "# HELP poetry_sync_jobs Jobs by their state.\n# TYPE poetry_sync_jobs gauge\n";
  const auto counts = store.count_jobs();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    text += fmt::format("poetry_sync_jobs{{state=\"{}\"}} {}\n", store::job_state_names.at(i),
                        counts.at(i));
  }
  gauge("poetry_sync_news", "1: others' changes are told of; 0: looked for every second.",
        store.hears_news() ? 1 : 0);
  gauge("poetry_sync_streams", "Open streams of events.", feed.streams());
  return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = text};
}

Response route(const Request& request, store::Store& store, ChangeFeed& feed) {
  if (!request.path().starts_with('/')) fail(400, "Bad request", "the target must be a path");
  std::vector<std::string> path;
  boost::split(path, request.path().substr(1), [](char each) { return each == '/'; });
  store::Id id = 0;
  if (path.size() > 2 && path[0] == "api" && (path[1] == "records" || path[1] == "jobs"))
    id = id_in_path(std::exchange(path[2], "*"));
  const auto place = boost::join(path, "/");
  // Whether this place is asked for; then only by one of these methods: "GET, HEAD".
  const auto asks_for = [&](std::string_view known, const std::string& methods) {
    if (place != known) return false;
    const auto known_methods = ", " + methods + ", ";
    if (known_methods.find(", " + request.method + ", ") == std::string::npos)
      throw method_not_allowed(methods);
    return true;
  };
  asks_for("healthz", "GET, HEAD");  // which, and the next, comes here by another method alone
  asks_for("events", "GET");
  if (asks_for("metrics", "GET, HEAD")) return metrics(store, feed);
  if (asks_for("api/records", "GET, HEAD, POST"))
    return request.method == "POST" ? add(request, store, feed) : records(request, store, feed);
  if (asks_for("api/records/*", "GET, HEAD, DELETE")) {
    if (request.method != "DELETE") return json(200, as_json(store.record(id)));
    store.remove(id);
    and_tell(id, feed);
    return {.status = 204};
  }
  if (asks_for("api/records/*/jobs", "GET, HEAD")) {
    store.record(id);  // refuses an unknown one
    return json(200, as_json(store.jobs_of(id, max_listed)));
  }
  if (asks_for("api/records/*/text", "GET, HEAD"))
    return record_text(store, id, number_in_query(request, "part", all_parts));
  if (asks_for("api/records/*/parts", "GET, HEAD")) {
    const auto job = store.record(id).job;
    return json(200, as_json(job ? store.parts(job->id) : std::vector<store::Part>()));
  }
  if (asks_for("api/jobs", "GET, HEAD, POST")) {
    if (request.method == "POST") return request_job(request, store, feed);
    return json(200, as_json(store.jobs_before(number_in_query(request, "before", 0), max_listed)));
  }
  if (asks_for("api/jobs/*", "GET, HEAD")) return json(200, as_json(store.job(id)));
  if (asks_for("api/jobs/*/log", "GET, HEAD")) {
    return json(200, as_json(store.log_after(id, number_in_query(request, "after", 0), max_listed,
                                             text_in_query(request, "q").value_or(""))));
  }
  if (asks_for("api/jobs/*/log.txt", "GET, HEAD")) return job_log(store, id);
  if (asks_for("api/jobs/*/text", "GET, HEAD")) return job_text(store, id);
  if (asks_for("api/jobs/*/cancel", "POST") || asks_for("api/jobs/*/retry", "POST")) {
    body_of(request);
    const bool cancels = place.ends_with("cancel");
    return json(202, as_json(and_tell(cancels ? store.cancel(id) : store.retry(id).job, feed)));
  }
  fail(404, "Not found");
}

}  // namespace

Response answer_api(const Request& request, store::Store& store, ChangeFeed& feed) {
  try {
    return route(request, store, feed);
  } catch (const Response& failure) {
    return failure;
  } catch (const store::Refusal& refusal) {
    const bool unknown = refusal.kind() == store::Refusal::Kind::unknown;
    return problem(unknown ? 404 : 409, unknown ? "Not found" : "Conflict", refusal.what());
  } catch (const base::UsageError& error) {
    return problem(400, "Bad request", error.what());
  } catch (const store::DatabaseError& error) {
    auto response = problem(503, "Database unavailable", error.what());
    response.fields.emplace_back("Retry-After", "1");
    return response;
  } catch (const std::exception& error) {
    return problem(500, "Internal error", error.what());
  }
}

}  // namespace poetry::sync::http
