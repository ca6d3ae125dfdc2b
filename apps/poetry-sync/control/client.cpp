#include "control/client.hpp"

#include <array>

#include "base/error.hpp"
#include "net/socket.hpp"

namespace poetry {
namespace {

// A worker has something to say within 10 s, if only "wait".
constexpr auto longest_silence = std::chrono::seconds(60);
constexpr std::size_t longest_reply = 1 << 20;
constexpr std::string_view fine = "ok";
constexpr std::string_view failure = "error ";

Fd connect_to(const HostPort& where) {
  const auto found = resolve(where);
  if (found.addresses.empty()) throw std::system_error(found.error, "resolve " + where.host);
  std::error_code error;
  for (const auto& address : found.addresses) {
    Fd socket = open_socket(address.family(), Blocking::yes);
    if (!socket) throw_errno("socket", to_string(where));
    limit_blocking(socket.get(), longest_silence);
    const auto outcome = start_connect(socket.get(), address);
    if (outcome.status == IoStatus::ok) return socket;
    error = outcome.status == IoStatus::would_block ? std::make_error_code(std::errc::timed_out)
                                                    : outcome.error;
  }
  throw std::system_error(error, "connect to the worker at " + to_string(where));
}

}  // namespace

ControlClient::ControlClient(const HostPort& where, const std::string& token)
    : where_(to_string(where)), socket_(connect_to(where)) {
  if (!token.empty()) ask("token " + token);
}

std::string ControlClient::ask(const std::string& line) {
  send(line + "\n");
  auto reply = read_line();
  if (reply.starts_with(failure)) throw std::runtime_error(reply.substr(failure.size()));
  if (reply == fine) return {};
  if (reply.starts_with("ok ")) return reply.substr(fine.size() + 1);
  if (reply == "wait" || reply.starts_with("line ") || reply.starts_with("end ")) return reply;
  fail("is no control port of a worker");
}

void ControlClient::fail(const std::string& why) const {
  throw std::runtime_error(where_ + " " + why);
}

void ControlClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send_some(socket_.get(), bytes);
    if (sent.status != IoStatus::ok) fail("closed the connection");
    bytes.remove_prefix(sent.bytes);
  }
}

std::string ControlClient::read_line() {
  for (;;) {
    const auto newline = buffer_.find('\n');
    if (newline != std::string::npos) {
      auto line = buffer_.substr(0, newline);
      buffer_.erase(0, newline + 1);
      return line;
    }
    if (buffer_.size() > longest_reply) fail("is no control port of a worker");
    std::array<char, 4096> bytes{};
    const auto got = receive_some(socket_.get(), bytes);
    if (got.status == IoStatus::end) fail("closed the connection");
    if (got.status == IoStatus::would_block) fail("does not answer");
    if (got.status != IoStatus::ok) throw std::system_error(got.error, "receive from " + where_);
    buffer_.append(bytes.data(), got.bytes);
  }
}

}  // namespace poetry
