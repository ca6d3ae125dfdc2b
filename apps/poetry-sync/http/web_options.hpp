// How the web server listens, and how long it waits for its peers. The struct holds the defaults.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "net/address.hpp"

namespace poetry::sync::http {

/// How browsers reach the page, where that is not by the address.
struct PublicUrl {
  std::string origin;  ///< "https://poems.example:8443"; empty where none was given
  std::string path;    ///< "/poems"; empty for "/"
};

/// Raises UsageError for what is no "http[s]://HOST[:PORT][/PATH]".
PublicUrl parse_public_url(std::string_view text);

struct WebOptions {
  net::HostPort listen{"127.0.0.1", 8080};
  std::string token;  ///< that every request must bear; none on loopback
  PublicUrl url;
  bool metrics_token = false;      ///< /healthz and /metrics as well
  std::vector<std::string> hosts;  ///< names that requests may come for, besides the address
  base::Duration request_timeout =
      std::chrono::seconds(10);  ///< from a request's first byte to its last
  base::Duration idle_timeout = std::chrono::seconds(60);  ///< between two requests
  base::Duration send_timeout = std::chrono::seconds(30);  ///< for a peer that takes nothing
  std::uint64_t max_streams = 10'000;
};

}  // namespace poetry::sync::http
