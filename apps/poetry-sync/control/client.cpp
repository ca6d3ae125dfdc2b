#include "control/client.hpp"

#include <array>

#include "base/error.hpp"
#include "net/socket.hpp"

namespace poetry::sync::control {
namespace {

// A worker has something to say within 10 s, if only "wait".
constexpr auto longest_silence = std::chrono::seconds(60);
constexpr std::size_t longest_reply = 1 << 20;
constexpr std::string_view fine = "ok";
constexpr std::string_view failure = "error ";

base::Fd connect_to(const net::HostPort& where) {
  const auto found = net::resolve(where);
  if (found.addresses.empty()) throw std::system_error(found.error, "resolve " + where.host);
  std::error_code error;
  for (const auto& address : found.addresses) {
    base::Fd socket = net::open_socket(address.family(), net::Blocking::yes);
    if (!socket) base::throw_errno("socket", net::to_string(where));
    net::limit_blocking(socket.get(), longest_silence);
    const auto outcome = net::start_connect(socket.get(), address);
    if (outcome.status == net::IoStatus::ok) return socket;
    error = outcome.status == net::IoStatus::would_block
                ? std::make_error_code(std::errc::timed_out)
                : outcome.error;
  }
  throw std::system_error(error, "connect to the worker at " + net::to_string(where));
}

}  // namespace

ControlClient::ControlClient(const net::HostPort& where, const std::string& token)
    : where_(net::to_string(where)), socket_(connect_to(where)) {
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
    const auto sent = net::send_some(socket_.get(), bytes);
    if (sent.status != net::IoStatus::ok) fail("closed the connection");
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
    const auto got = net::receive_some(socket_.get(), bytes);
    if (got.status == net::IoStatus::end) fail("closed the connection");
    if (got.status == net::IoStatus::would_block) fail("does not answer");
    if (got.status != net::IoStatus::ok)
      throw std::system_error(got.error, "receive from " + where_);
    buffer_.append(bytes.data(), got.bytes);
  }
}

}  // namespace poetry::sync::control
