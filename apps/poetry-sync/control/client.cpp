#include "control/client.hpp"

#include <chrono>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace poetry::sync::control {
namespace {

// A worker has something to say within 10 s, if only "wait".
constexpr auto longest_silence = std::chrono::seconds(60);
constexpr std::size_t longest_reply = 64 << 20;  // the jobs of some 100,000 records
constexpr std::string_view fine = "ok";
constexpr std::string_view failure = "error ";

}  // namespace

ControlClient::ControlClient(const net::HostPort& where, const std::string& token)
    : where_(net::to_string(where)) {
  const auto addresses = net::addresses_of(where);
  for (const auto& each : addresses) {
    stream_.clear();
    stream_.expires_after(longest_silence);
    stream_.connect(each.host(), std::to_string(each.port()));
    if (stream_) break;
  }
  if (!stream_) throw std::system_error(stream_.error(), "connect to the worker at " + where_);
  if (!token.empty()) ask("token " + token);
}

std::string ControlClient::ask(const std::string& line) {
  stream_.expires_after(longest_silence);
  stream_ << line << '\n' << std::flush;
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

std::string ControlClient::read_line() {
  std::string line;
  for (char next = 0; stream_.get(next);) {
    if (next == '\n') return line;
    if (line.size() == longest_reply) fail("is no control port of a worker");
    line += next;
  }
  const bool late = stream_.error() == boost::asio::error::timed_out;
  fail(late ? "does not answer" : "closed the connection");
}

}  // namespace poetry::sync::control
