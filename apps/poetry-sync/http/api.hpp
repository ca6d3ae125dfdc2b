// The HTTP API without any HTTP library: a request's parts in, a response's out. Stateless beside
// the store; its calls block on the database, so they run in threads of their own.
#pragma once

#include "http/change_feed.hpp"
#include "http/message.hpp"
#include "store/store.hpp"

namespace poetry::sync::http {

/// Answers a request below /api/ or for /metrics. Never raises. What the response still makes
/// borrows the store.
Response answer_api(const Request& request, store::Store& store, ChangeFeed& feed);

}  // namespace poetry::sync::http
