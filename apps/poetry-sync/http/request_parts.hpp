// What a request of the API asks for, taken apart. Each function ends the request with a problem
// where that is not to be had. Pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"
#include "store/store.hpp"

namespace poetry::sync::http {

/// What ends a request; it is thrown.
struct Problem {
  Response response;
};

[[noreturn]] void fail(unsigned status, std::string_view title, std::string_view detail = "");

/// "/api/jobs" as "api" and "jobs". Nothing is decoded: no path has a character that needs it.
std::vector<std::string> split_path(std::string_view path);

/// An id in a path; 404 for what cannot be one.
store::Id id_in_path(const std::string& text);

/// The number behind KEY= in the target's query; 0 without.
std::int64_t number_in_query(const Request& request, std::string_view key);

/// A body that must be a JSON object, and say so.
boost::json::object body_of(const Request& request);

/// A member that must be a string.
std::string text_in(const boost::json::object& object, std::string_view key);

/// 405 where the method is none of them: "GET, HEAD".
void allow(const Request& request, const std::string& methods);

}  // namespace poetry::sync::http
