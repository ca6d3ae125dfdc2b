#include "http/api.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "http/request_parts.hpp"
#include "store/as_json.hpp"

namespace poetry::sync::http {
namespace {

constexpr std::int64_t max_listed = 500;         // jobs or log lines in one answer
constexpr std::int64_t piece_bytes = 256 << 10;  // of a long body

/// Of what was made, with its place.
Response json(unsigned status, const boost::json::value& value, const std::string& location = {}) {
  Response response{.status = status, .body = base::json_text(value)};
  if (!location.empty()) response.fields.emplace_back("Location", location);
  return response;
}

/// What a metric begins with; text exposition format 0.0.4 of Prometheus.
std::string gauge(const std::string& name, const std::string& about) {
  return "# HELP " + name + " " + about + "\n# TYPE " + name + " gauge\n";
}

}  // namespace

Response Api::answer(const Request& request) {
  try {
    return route(request);
  } catch (const Problem& failure) {
    return failure.response;
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

Response Api::route(const Request& request) {
  const auto path = split_path(request.path());
  if (path == std::vector<std::string>{"healthz"}) {
    allow(request, "GET, HEAD");
    store_.next_due();  // asks the database
    return {.type = "text/plain; charset=utf-8", .body = "ok\n"};
  }
  if (path == std::vector<std::string>{"events"}) allow(request, "GET");
  if (path == std::vector<std::string>{"metrics"}) {
    allow(request, "GET, HEAD");
    return metrics();
  }
  if (path.size() >= 2 && path[0] == "api" && path[1] == "records") return records(request, path);
  if (path.size() >= 2 && path[0] == "api" && path[1] == "jobs") return jobs(request, path);
  fail(404, "Not found");
}

Response Api::records(const Request& request, const std::vector<std::string>& path) {
  if (path.size() == 2) {
    allow(request, "GET, HEAD, POST");
    if (request.method != "POST") return {.body = *feed_.records()};
    const auto body = body_of(request);
    const auto type = store::parse_record_type(text_in(body, "type"));
    const auto name = body.contains("name") ? text_in(body, "name") : std::string();
    const auto added = store::add_record(store_, type, text_in(body, "address"), name);
    feed_.refresh();
    return json(201, store::as_json(added), "/api/records/" + std::to_string(added.id));
  }
  const auto id = id_in_path(path[2]);
  if (path.size() == 3) {
    allow(request, "GET, HEAD, DELETE");
    if (request.method != "DELETE") return json(200, store::as_json(store_.record(id)));
    store_.remove(id);
    feed_.refresh();
    return {.status = 204};
  }
  if (path.size() == 4 && path[3] == "jobs") {
    allow(request, "GET, HEAD");
    store_.record(id);  // refuses an unknown one
    return json(200, store::as_json(store_.jobs_of(id, max_listed)));
  }
  if (path.size() == 4 && path[3] == "text") {
    allow(request, "GET, HEAD");
    return record_text(id);
  }
  fail(404, "Not found");
}

Response Api::jobs(const Request& request, const std::vector<std::string>& path) {
  if (path.size() == 2) {
    allow(request, "GET, HEAD, POST");
    if (request.method != "POST") {
      return json(
          200, store::as_json(store_.jobs_before(number_in_query(request, "before"), max_listed)));
    }
    const auto body = body_of(request);
    const auto* const record = body.if_contains("record");
    if (record == nullptr || !record->is_int64()) {
      fail(400, "Bad request", "\"record\" must be an id");
    }
    const auto requested = store_.request(record->as_int64());
    feed_.refresh();
    return json(202, store::as_json(requested.job),
                "/api/jobs/" + std::to_string(requested.job.id));
  }
  const auto id = id_in_path(path[2]);
  if (path.size() == 3) {
    allow(request, "GET, HEAD");
    return json(200, store::as_json(store_.job(id)));
  }
  if (path.size() == 4 && path[3] == "log") {
    allow(request, "GET, HEAD");
    return json(
        200, store::as_json(store_.log_after(id, number_in_query(request, "after"), max_listed)));
  }
  if (path.size() == 4 && path[3] == "log.txt") {
    allow(request, "GET, HEAD");
    return job_log(id);
  }
  if (path.size() == 4 && (path[3] == "cancel" || path[3] == "retry")) {
    allow(request, "POST");
    body_of(request);
    const auto job = path[3] == "cancel" ? store_.cancel(id) : store_.retry(id).job;
    feed_.refresh();
    return json(202, store::as_json(job));
  }
  fail(404, "Not found");
}

/// All parts of what was stored last, one behind the other.
Response Api::record_text(store::Id record) {
  const auto job = store_.done_job(record);
  if (job == 0) fail(404, "Not found", "record " + std::to_string(record) + " is not synced yet");
  struct Place {
    std::vector<store::Part> parts;
    std::size_t part = 0;
    std::int64_t start = 0;
  };
  auto more = [this, job, at = Place{store_.parts(job)}]() mutable -> std::string {
    for (; at.part < at.parts.size(); ++at.part, at.start = 0) {
      auto bytes = store_.stored(job, at.parts[at.part].number, at.start, piece_bytes);
      at.start += static_cast<std::int64_t>(bytes.size());
      if (!bytes.empty()) return bytes;
    }
    return {};
  };
  return {.type = "text/plain; charset=utf-8", .more = std::move(more)};
}

Response Api::job_log(store::Id job) {
  store_.job(job);
  auto more = [this, job, after = std::int64_t{0}]() mutable {
    std::string text;
    for (const auto& line : store_.log_after(job, after, max_listed)) {
      text +=
          std::to_string(line.number) + " " + store::time_text(line.at) + " " + line.text + "\n";
      after = line.number;
    }
    return text;
  };
  const auto disposition = "attachment; filename=\"job-" + std::to_string(job) + ".txt\"";
  return {.type = "text/plain; charset=utf-8",
          .fields = {{"Content-Disposition", disposition}},
          .more = std::move(more)};
}

Response Api::metrics() {
  auto text = gauge("poetry_sync_records", "Records in the library.") + "poetry_sync_records " +
              std::to_string(store_.records().size()) + "\n" +
              gauge("poetry_sync_jobs", "Jobs by their state.");
  const auto counts = store_.count_jobs();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    text.append("poetry_sync_jobs{state=\"").append(store::job_state_names.at(i)).append("\"} ");
    text += std::to_string(counts.at(i)) + "\n";
  }
  text += gauge("poetry_sync_streams", "Open streams of events.") + "poetry_sync_streams " +
          std::to_string(feed_.streams()) + "\n";
  return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = text};
}

}  // namespace poetry::sync::http
