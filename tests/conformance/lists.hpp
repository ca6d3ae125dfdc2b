// What the conformance tests go through: every engine and every service. A new engine of the
// library is among them by its name in engine_names(); a new service joins by its line in
// every_service(). The toy engine and the toy service, which are no part of the library, join
// by their lines in lists.cpp as well.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "session/requests.hpp"
#include "support/temporary_directory.hpp"

namespace poetry::conformance {

/// Whether every client gets the same stream, which may go on for ever, or all draw from one.
enum class Stream { own, endless, shared };

/// A service, what a client sends to it before it half-closes, and what the client then gets.
struct ServiceCase {
  std::string name;
  std::function<std::shared_ptr<session::Service>(const support::TemporaryDirectory&)> make;
  std::string input;
  /// Exactly, or how an endless stream begins; of a shared stream, lines for three clients one by
  /// one.
  std::string expected;
  base::Duration min{0};  ///< from connecting to the end of the stream; no upper bound is asserted
  Stream stream = Stream::own;
  session::Requests requests = {};
  /// In place of `expected`, where it follows from a connection's seed.
  std::function<std::string(std::uint64_t seed)> seeded = nullptr;
};
std::ostream& operator<<(std::ostream& out, const ServiceCase& service);

const std::vector<ServiceCase>& every_service();

/// Names that make_listed_engine() takes.
std::vector<std::string> every_engine();
engine::Engine make_listed_engine(const std::string& name);

}  // namespace poetry::conformance
