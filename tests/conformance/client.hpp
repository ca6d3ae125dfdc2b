// A client that connects, asks for something, half-closes, and hears what it gets and how that
// ends, also from a server that resets it before it has got round to asking. Owned by a test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "conformance/fault_cases.hpp"
#include "net/socket.hpp"

namespace poetry::conformance {

class Client {
 public:
  Client(const net::Address& server, const std::string& input)
      : started_(base::Clock::now()),
        socket_(net::open_socket(server.family(), net::Blocking::no)) {
    // A blocking connect(2) that finds itself reset would throw away what has come already.
    const bool lost = net::start_connect(socket(), server).status == net::IoStatus::error;
    pollfd asked{socket(), POLLOUT, 0};
    EXPECT_EQ(::poll(&asked, 1, longest_wait.count()), 1);
    ::fcntl(socket(), F_SETFL, 0);
    net::limit_blocking(socket(), longest_wait);
    // Both take an error away, so that the end of the stream does not tell it any more.
    reset_ =
        lost || (!input.empty() && net::send_some(socket(), input).status != net::IoStatus::ok);
    net::half_close(socket());
  }

  /// Reads once; false when there is no more.
  bool hear() {
    std::array<char, 4096> buffer{};
    const auto result = net::receive_some(socket(), buffer);
    if (result.status == net::IoStatus::error) reset_ = true;
    if (result.status != net::IoStatus::ok) {
      end_ = result.status == net::IoStatus::would_block ? End::silence : End::fin;
      elapsed_ = base::Clock::now() - started_;
      return false;
    }
    elapsed_ = base::Clock::now() - started_;
    if (bytes_.empty()) first_byte_ = elapsed_;
    bytes_.append(buffer.data(), result.bytes);
    return true;
  }
  /// Reads until it has `size` bytes or the stream ends.
  void hear(std::size_t size) {
    while (!end_ && bytes_.size() < size && hear()) {
    }
  }
  /// Reads until the stream ends, or until nothing comes for as long as `silence`.
  void hear_end(std::chrono::nanoseconds silence = longest_wait) {
    net::limit_blocking(socket(), silence);
    hear(std::string::npos);
  }

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] End end() const { return reset_ ? End::reset : end_.value_or(End::silence); }
  /// From connecting to the first byte, and to the last time that it heard.
  [[nodiscard]] base::Duration first_byte() const { return first_byte_; }
  [[nodiscard]] base::Duration elapsed() const { return elapsed_; }

 private:
  static constexpr std::chrono::milliseconds longest_wait{10'000};

  base::TimePoint started_;
  base::Fd socket_;
  std::string bytes_;
  std::optional<End> end_;
  bool reset_ = false;
  base::Duration first_byte_{base::Duration::max()};
  base::Duration elapsed_{0};
};

}  // namespace poetry::conformance
