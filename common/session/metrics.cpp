// The metrics service: what the server counts, in Prometheus's text format 0.0.4, over HTTP (RFC
// 9112): an answer to a GET or HEAD of / or /metrics, and the end. What it tells is as of when the
// connection was opened.
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>

#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

namespace http = boost::beast::http;

/// Far more than the headers of any scraper.
constexpr std::uint32_t max_request = 16384;
/// For the request, after which the connection is ended.
constexpr auto request_time = std::chrono::seconds(10);

class MetricsSession : public Session {
 public:
  MetricsSession(std::string metrics, base::TimePoint start)
      : metrics_(std::move(metrics)), until_(base::later(start, request_time)) {
    request_.header_limit(max_request);
  }

  Step next(base::TimePoint now) override {
    if (answered_) return Finish{};
    if (!failed_ && !request_.is_header_done()) {
      if (half_closed_ || until_ <= now) return Finish{Ending::unasked};
      return Listen{until_};
    }
    answered_ = true;
    text_ = answer();
    return Write{text_};
  }

  /// What goes beyond the headers, a body, is not read.
  void receive(std::string_view bytes) override {
    if (bytes.empty()) half_closed_ = true;
    if (bytes.empty() || failed_ || request_.is_header_done()) return;
    received_ += bytes;
    boost::beast::error_code error;
    const auto parsed = request_.put({received_.data(), received_.size()}, error);
    received_.erase(0, parsed);
    failed_ = error && error != http::error::need_more;
  }

 private:
  [[nodiscard]] std::string answer() {
    const auto& request = request_.get();
    const auto path = request.target().substr(0, request.target().find('?'));
    const bool known = path == "/" || path == "/metrics";
    const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
    const auto status = failed_  ? http::status::bad_request
                        : !reads ? http::status::method_not_allowed
                        : !known ? http::status::not_found
                                 : http::status::ok;
    http::response<http::string_body> response(status, 11);
    response.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    if (status == http::status::method_not_allowed) response.set(http::field::allow, "GET, HEAD");
    response.body() =
        status == http::status::ok ? std::move(metrics_) : std::string(response.reason()) + "\n";
    response.prepare_payload();
    response.keep_alive(false);
    if (request.method() == http::verb::head) response.body().clear();
    std::ostringstream text;
    text.exceptions(std::ios::badbit);  // otherwise it leaves out what it finds no memory for
    text << response;
    return text.str();
  }

  std::string metrics_;
  std::string received_;  // of a line that is not whole
  std::string text_;
  http::request_parser<http::empty_body> request_;
  base::TimePoint until_;
  bool half_closed_ = false;
  bool failed_ = false;
  bool answered_ = false;
};

}  // namespace

ServiceKind metrics_kind() {
  return {.name = "metrics", .make = [](const ServiceSpec&, const Context& context) {
            return service_of([metrics = context.metrics](const Peer&, auto now, const auto&) {
              return std::make_unique<MetricsSession>(metrics ? metrics() : "", now);
            });
          }};
}

}  // namespace poetry::session
