// The store's structures as JSON, as the API, the events and --json show them.
#pragma once

#include <boost/json/value.hpp>

#include "store/store.hpp"

namespace poetry::sync::store {

/// "2026-11-21T12:00:00.123Z" (RFC 3339).
std::string time_text(Millis at);

boost::json::object as_json(const SyncRecord& record);
boost::json::object as_json(const Job& job);
boost::json::object as_json(const LogLine& line);
boost::json::object as_json(const Part& part);
boost::json::object as_json(const Store::Requested& requested);

/// Counts in the order of states, by their names.
boost::json::object as_json(const std::array<std::int64_t, job_state_names.size()>& counts);

template <typename T>
boost::json::array as_json(const std::vector<T>& all) {
  boost::json::array array;
  array.reserve(all.size());
  for (const auto& each : all) array.emplace_back(as_json(each));
  return array;
}

}  // namespace poetry::sync::store
