// The metrics service as an HTTP client sees it, byte by byte.
#include <gtest/gtest.h>

#include "session/services.hpp"
#include "support/epoch.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Session> open() {
  static const auto service = make_service(
      parse_service("metrics", {}), {.metrics = [] { return std::string("poems_total 7\n"); }});
  return service->open({}, support::epoch);
}

/// What the request, which comes in pieces of this size, is answered with; then it finishes.
std::string answer(std::string_view request, std::size_t piece) {
  const auto session = open();
  for (; !request.empty(); request.remove_prefix(std::min(piece, request.size()))) {
    const auto step = session->next(support::epoch);
    if (!std::holds_alternative<Listen>(step)) return "answered too early";
    session->receive(request.substr(0, piece));
  }
  const auto step = session->next(support::epoch);
  const auto* write = std::get_if<Write>(&step);
  if (write == nullptr) return "no answer";
  std::string text(write->bytes);
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
  return text;
}

TEST(Metrics, AreAnsweredToAGetInWhateverPieces) {
  for (const auto* path : {"/", "/metrics", "/metrics?name=x"}) {
    const auto request = std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (const std::size_t piece : {1, 7, 1000}) {
      EXPECT_EQ(answer(request, piece),
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                "Content-Length: 14\r\nConnection: close\r\n\r\npoems_total 7\n");
    }
  }
}

TEST(Metrics, AHeadGetsTheHeadersAlone) {
  const auto text = answer("HEAD /metrics HTTP/1.0\r\n\r\n", 1000);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n")) << text;
  EXPECT_NE(text.find("Content-Length: 14\r\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\n")) << text;
}

TEST(Metrics, WhatIsNoSuchRequestIsTold) {
  EXPECT_TRUE(answer("GET /poems HTTP/1.1\r\n\r\n", 1000).starts_with("HTTP/1.1 404 "));
  const auto text = answer("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n", 1000);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 405 ")) << text;
  EXPECT_NE(text.find("Allow: GET, HEAD\r\n"), std::string::npos) << text;
  EXPECT_TRUE(answer("\x16\x03\x01 hello\r\n", 1000).starts_with("HTTP/1.1 400 "));
}

TEST(Metrics, AnEndlessRequestIsRefused) {
  const auto session = open();
  static_cast<void>(session->next(support::epoch));
  session->receive("GET /");
  const std::string piece(1000, 'x');
  for (int i = 0; i < 100; ++i) {
    const auto step = session->next(support::epoch);
    if (const auto* write = std::get_if<Write>(&step)) {
      EXPECT_TRUE(write->bytes.starts_with("HTTP/1.1 400 ")) << write->bytes;
      return;
    }
    session->receive(piece);
  }
  FAIL() << "it takes 100 kB";
}

TEST(Metrics, ARequestThatDoesNotComeEndsTheConnection) {
  const auto session = open();
  const auto until = std::get<Listen>(session->next(support::epoch)).until;
  EXPECT_EQ(until, support::epoch + 10s);
  EXPECT_EQ(std::get<Finish>(session->next(until)).ending, Ending::unasked);

  const auto other = open();
  static_cast<void>(other->next(support::epoch));
  other->receive({});
  EXPECT_EQ(std::get<Finish>(other->next(support::epoch)).ending, Ending::unasked);
}

}  // namespace
}  // namespace poetry::session
