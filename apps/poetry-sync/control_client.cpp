#include "control_client.hpp"

#include <array>

#include "base/error.hpp"
#include "cli/standard_output.hpp"
#include "net/socket.hpp"

namespace poetry {
namespace {

constexpr auto longest_wait = std::chrono::seconds(60);  // a log may be silent for a while
constexpr std::string_view fine = "ok";
constexpr std::string_view failed = "error ";

Fd connect_to(const HostPort& where) {
  const auto found = resolve(where);
  if (found.addresses.empty()) throw std::system_error(found.error, "resolve " + where.host);
  std::error_code error;
  for (const auto& address : found.addresses) {
    Fd socket = open_socket(address.family(), Blocking::yes);
    if (!socket) throw_errno("socket", to_string(where));
    const auto outcome = start_connect(socket.get(), address);
    if (outcome.status == IoStatus::ok) return socket;
    error = outcome.error;
  }
  throw std::system_error(error, "connect to the worker at " + to_string(where));
}

}  // namespace

ControlClient::ControlClient(const HostPort& where, const std::string& token)
    : where_(to_string(where)), socket_(connect_to(where)) {
  if (!token.empty()) ask("token " + token);
}

std::string ControlClient::ask(const std::string& line) {
  write_all(socket_.get(), line + "\n", where_);
  auto reply = read_line();
  if (reply.starts_with(failed)) throw std::runtime_error(reply.substr(failed.size()));
  if (reply == fine) return {};
  if (reply.starts_with("ok ")) return reply.substr(fine.size() + 1);
  return reply;
}

std::string ControlClient::read_line() {
  for (;;) {
    const auto newline = buffer_.find('\n');
    if (newline != std::string::npos) {
      auto line = buffer_.substr(0, newline);
      buffer_.erase(0, newline + 1);
      return line;
    }
    std::array<char, 4096> bytes{};
    const auto got = receive_some(socket_.get(), bytes);
    if (got.status == IoStatus::end) throw std::runtime_error(where_ + " closed the connection");
    if (got.status != IoStatus::ok) throw std::system_error(got.error, "receive from " + where_);
    buffer_.append(bytes.data(), got.bytes);
  }
}

}  // namespace poetry
