#include "fetch/socket_io.hpp"

#include "net/socket.hpp"

namespace poetry::fetch {

SocketIo::SocketIo(Observer& observer, std::size_t room)
    : observer_(observer), room_(room), buffer_(std::make_unique_for_overwrite<char[]>(room)) {}

void SocketIo::send(Fetch& fetch, int socket) {
  const auto action = fetch.next();
  const auto* const transfer = std::get_if<Transfer>(&action);
  if (transfer == nullptr || transfer->unsent.empty()) return;
  const net::IoResult result = net::send_some(socket, transfer->unsent);
  if (result.status == net::IoStatus::ok) fetch.sent(result.bytes, base::Clock::now());
  if (result.status == net::IoStatus::error) fetch.send_failed(result.error, base::Clock::now());
}

void SocketIo::receive(Fetch& fetch, int socket, base::TimePoint now) {
  // Who sends so much at once, more than a line, has mostly sent the end as well: to look for it
  // costs less than to wait for it.
  constexpr std::size_t many_bytes = 1024;
  const auto bytes = receive_once(fetch, socket, now);
  if (bytes >= many_bytes && bytes < room_) receive_once(fetch, socket, now);
}

std::size_t SocketIo::receive_once(Fetch& fetch, int socket, base::TimePoint now) {
  const auto action = fetch.next();
  const auto* const transfer = std::get_if<Transfer>(&action);
  if (transfer == nullptr || transfer->max == 0) return 0;
  const auto room = buffer(transfer->max);
  const net::IoResult result = net::receive_some(socket, room);
  if (result.status != net::IoStatus::would_block)
    deliver(fetch, observer_, {room.data(), result.bytes}, result.error, now);
  return result.bytes;
}

void SocketIo::deliver(Fetch& fetch, Observer& observer, std::string_view bytes,
                       std::error_code error, base::TimePoint now) {
  if (error) return fetch.receive_failed(error, now);
  if (bytes.empty()) return fetch.stream_ended(now);
  bytes = fetch.received(bytes, now);
  if (bytes.empty()) return;
  const auto failure = observer.received(fetch.task(), fetch.record(), bytes);
  if (!failure.empty()) fetch.output_failed(failure, now);
}

}  // namespace poetry::fetch
