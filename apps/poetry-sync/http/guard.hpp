// Whether a request may be answered at all: where it comes for, from which page, with which token.
// Needs no memory of its sessions: their cookies are signed. What it and the server are told by the
// options; the structs hold the defaults.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "net/address.hpp"

namespace poetry::sync::http {

/// How browsers reach the page, where that is not by the address.
struct PublicUrl {
  std::string origin;  ///< "https://poems.example:8443"; empty where none was given
  std::string path;    ///< "/poems"; empty for "/"
};

/// Raises UsageError for what is no "http[s]://HOST[:PORT][/PATH]".
PublicUrl parse_public_url(std::string_view text);

/// How the web server listens, and how long it waits for its peers.
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

class Guard {
 public:
  /// Of a server at this place. Requests may come for its host, this machine, the further names and
  /// the public URL, with the port where it is not 80; for this machine's own names, whatever the
  /// port, by a tunnel. No token: none is asked for, as for /healthz and /metrics unless these are
  /// guarded, too.
  Guard(const net::HostPort& where, const WebOptions& options);

  /// Takes the public URL's path off the target, which a proxy may have done.
  void take_prefix(Request& request) const;
  /// Why it is refused, of which the body need not have come: 400 without a Host or a clear end,
  /// 421 for another host (against DNS rebinding), 403 for another page's, 401 without the token or
  /// a session, for a browser with a form. With the token in the query of "/" it is logged in.
  /// Nothing where it may be answered.
  [[nodiscard]] std::optional<Response> refuse(const Request& request) const;
  /// Begins a session by the token, and sends the browser to the page; 401 for another.
  [[nodiscard]] Response log_in(const Request& request, const std::string& token) const;
  /// The Set-Cookie by which a session that is used goes on; empty where there is no need.
  [[nodiscard]] std::string renewal(const Request& request) const;

 private:
  [[nodiscard]] bool is_trusted(const Request& request) const;
  /// The seconds that the session in its cookie has left; 0 for none.
  [[nodiscard]] std::int64_t session_left(const Request& request) const;
  [[nodiscard]] std::string session_until(std::int64_t time) const;
  [[nodiscard]] std::string new_cookie() const;
  [[nodiscard]] bool knows(std::string_view host) const;

  const PublicUrl url_;
  std::vector<std::string> hosts_;  // with their ports
  const std::string token_;
  const std::string cookie_name_;  // with the port, since browsers send cookies to all of a host
  const bool guards_metrics_;
  std::array<char, 32> key_{};  // of this process, which signs its sessions
};

}  // namespace poetry::sync::http
