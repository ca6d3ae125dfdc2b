// An answer after the request: a service whose sessions each begin when their client has sent what
// is awaited, and begin anew for each further request on the same connection. It stands around the
// service that answers, which outlives its sessions.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/end_mark.hpp"
#include "session/session.hpp"

namespace poetry::session {

/// What a client is to send before it is answered.
struct Requests {
  base::EndMarks until;  ///< where a request ends
  bool any = false;      ///< whatever comes is a request
  /// For a request, from the opening or the end of the last answer; 0 is for ever.
  base::Duration timeout = std::chrono::seconds(60);
  std::uint64_t rounds = 1;  ///< requests that are answered; 0 is no limit

  [[nodiscard]] bool awaited() const { return any || until != base::EndMarks{}; }
  bool operator==(const Requests&) const = default;
};

/// Sets what is awaited: "any", "Nbytes", "Nlines", or a text with C escapes. Raises UsageError.
void set_await(Requests& requests, std::string_view text);

/// `answers` itself where nothing is awaited. Each answer is a session of it, opened when its
/// request is whole, in whatever thread steps that: its open() must be safe to call so. What comes
/// while an answer is under way counts as the next request.
std::shared_ptr<Service> after_requests(std::shared_ptr<Service> answers, const Requests& requests);

}  // namespace poetry::session
