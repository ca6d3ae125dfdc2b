#include "tcp/token.hpp"

#include <nettle/memops.h>

#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <fstream>

#include "base/error.hpp"

namespace poetry::sync::tcp {

namespace {

/// A guess in a second would take longer than anybody lives.
constexpr std::size_t shortest_token = 16;

}  // namespace

std::string read_token(const std::string& file) {
  if (file.empty()) return {};
  std::ifstream stream(file);
  std::string token;
  if (!stream) base::throw_errno("open", file);
  std::getline(stream, token);
  if (token.ends_with('\r')) token.pop_back();
  if (stream.bad()) base::throw_errno("read", file);
  const bool fits = boost::all(token, boost::is_alnum() || boost::is_any_of("-_"));
  if (token.size() < shortest_token || !fits) {
    throw base::UsageError("the token must be at least " + std::to_string(shortest_token) +
                               " letters, digits, - and _ in the first line",
                           file);
  }
  return token;
}

bool is_same_secret(std::string_view one, std::string_view other) {
  return one.size() == other.size() && ::memeql_sec(one.data(), other.data(), one.size()) != 0;
}

}  // namespace poetry::sync::tcp
