// How the web server listens, and how long it waits for its peers. The struct holds the defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "net/address.hpp"

namespace poetry::sync::http {

struct WebOptions {
  net::HostPort listen{"127.0.0.1", 8080};
  std::string token;               ///< that every request must bear; none on loopback
  bool metrics_token = false;      ///< /healthz and /metrics as well
  std::vector<std::string> hosts;  ///< names that requests may come for, besides the address
  base::Duration request_timeout =
      std::chrono::seconds(10);  ///< from a request's first byte to its last
  base::Duration idle_timeout = std::chrono::seconds(60);  ///< between two requests
  base::Duration send_timeout = std::chrono::seconds(30);  ///< for a peer that takes nothing
  std::uint64_t max_streams = 10'000;
};

}  // namespace poetry::sync::http
