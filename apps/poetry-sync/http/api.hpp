// The HTTP API without any HTTP library: a request's parts in, a response's out. Stateless beside
// the store; its calls block on the database, so they run in threads of their own.
#pragma once

#include "http/change_feed.hpp"
#include "http/message.hpp"
#include "store/store.hpp"

namespace poetry::sync::http {

class Api {
 public:
  Api(store::Store& store, ChangeFeed& feed) : store_(store), feed_(feed) {}

  /// Answers a request below /api/, /healthz or /metrics. Never raises.
  Response answer(const Request& request);

 private:
  Response route(const Request& request);
  Response add(const Request& request);
  Response remove(store::Id record);
  Response request_job(const Request& request);
  Response record_text(store::Id record);
  Response job_log(store::Id job);
  Response metrics();

  store::Store& store_;
  ChangeFeed& feed_;
};

}  // namespace poetry::sync::http
