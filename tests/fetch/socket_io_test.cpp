// How many calls it takes to receive what a peer has sent, over loopback.
#include "fetch/socket_io.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include "support/loopback.hpp"

namespace poetry::fetch {
namespace {

class Ignored final : public Observer {
 public:
  std::string received(std::size_t, const Record&, std::string_view) override { return {}; }
  void retrying(std::size_t, const Record&, base::Duration) override {}
  void ended(std::size_t, Record&) override {}
};

class SocketIoTest : public testing::Test {
 protected:
  SocketIoTest() {
    fetch_.resolved(net::resolve_numeric(fetch_.where()), now_);
    EXPECT_EQ(fetch_.connect_ended(0, {}, now_), Candidate::chosen);
  }
  /// Sends so many bytes and FIN, all of which have arrived when it returns.
  void arrive(std::size_t bytes) {
    EXPECT_EQ(net::send_some(pair_.client.get(), std::string(bytes, 'x')).bytes, bytes);
    net::half_close(pair_.client.get());
    pollfd end{socket(), POLLRDHUP, 0};
    EXPECT_EQ(::poll(&end, 1, 10'000), 1);
  }
  [[nodiscard]] int socket() const { return pair_.server.socket.get(); }
  [[nodiscard]] Outcome outcome() const { return fetch_.record().outcome; }

  const base::TimePoint now_ = base::Clock::now();
  const FetchOptions options_;
  Fetch fetch_{{"127.0.0.1", 10000}, options_, 0, now_};
  support::LoopbackPair pair_ = support::connect_pair();
  Ignored observer_;
  SocketIo socket_io_{observer_, 4096};
};

TEST_F(SocketIoTest, LooksForTheEndAtOnceAfterMoreThanALine) {
  arrive(1024);
  socket_io_.receive(fetch_, socket(), now_);
  EXPECT_EQ(outcome(), Outcome::ok);
  EXPECT_EQ(fetch_.record().bytes, 1024U);
}

TEST_F(SocketIoTest, CallsOnceForALine) {
  arrive(1023);
  socket_io_.receive(fetch_, socket(), now_);
  EXPECT_EQ(outcome(), Outcome::pending);
  EXPECT_EQ(fetch_.record().bytes, 1023U);
  socket_io_.receive(fetch_, socket(), now_);
  EXPECT_EQ(outcome(), Outcome::ok);
}

TEST_F(SocketIoTest, TakesNoMoreThanItsRoomInATurn) {
  arrive(10'000);
  socket_io_.receive(fetch_, socket(), now_);
  EXPECT_EQ(fetch_.record().bytes, 4096U);
}

TEST_F(SocketIoTest, CallsOnceWhereASocketBlocks) {
  arrive(2000);
  EXPECT_EQ(socket_io_.receive_once(fetch_, socket(), now_), 2000U);
  EXPECT_EQ(outcome(), Outcome::pending);
}

}  // namespace
}  // namespace poetry::fetch
