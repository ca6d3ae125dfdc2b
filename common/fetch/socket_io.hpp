// Moves bytes between a connected socket and its fetch, as many as go without waiting, and gives
// what arrives to the observer. Owned by whoever carries fetches out in one thread, and shared by
// all of these.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

#include "fetch/fetch.hpp"
#include "fetch/strategy.hpp"

namespace poetry::fetch {

class SocketIo {
 public:
  /// For a strategy that has one buffer for all of its tasks.
  static constexpr std::size_t shared_room = std::size_t{256} << 10U;

  /// `room` is what one task may receive in a turn, so that an endless server starves nobody.
  SocketIo(Observer& observer, std::size_t room);

  /// Tells the fetch and the observer of what a receive came to: bytes; or none, which is the end
  /// unless there was an error.
  static void deliver(Fetch& fetch, Observer& observer, std::string_view bytes,
                      std::error_code error, base::TimePoint now);
  /// Sends, which may take a while, where that is the fetch's next action, and tells it.
  static void send(Fetch& fetch, int socket);
  /// Receives by one call, where that is the fetch's next action, and tells it and the observer.
  /// Returns the number of bytes.
  std::size_t receive_once(Fetch& fetch, int socket, base::TimePoint now);
  /// The same, but it may call twice.
  void receive(Fetch& fetch, int socket, base::TimePoint now);
  /// Where to receive at most so many bytes.
  std::span<char> buffer(std::uint64_t max) {
    return {buffer_.get(), std::min<std::uint64_t>(max, room_)};
  }

 private:
  Observer& observer_;
  std::size_t room_;
  std::unique_ptr<char[]> buffer_;  // not written before it is used: thousands may lie idle
};

}  // namespace poetry::fetch
