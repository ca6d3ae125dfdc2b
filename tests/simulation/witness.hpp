// Stands around the sessions of a service, notes what each says, and sees that its time is kept:
// none is woken before the time that it waits for, and none much later. Owned by a world.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "session/session.hpp"

namespace poetry::simulation {

/// What one session has said.
struct Said {
  enum class End { none, finish, abort };

  base::TimePoint opened{};
  base::TimePoint closed = base::never;
  std::string bytes;
  std::string heard;
  bool heard_end = false;
  End end = End::none;
};

class Witness : public session::Service {
 public:
  using Complaint = std::function<void(const std::string&)>;
  /// When the byte at this offset is due at the earliest, from the start.
  using Due = std::function<base::Duration(std::uint64_t offset)>;

  Witness(std::shared_ptr<session::Service> inner, base::Duration slack, Due due,
          Complaint complain);
  std::unique_ptr<session::Session> open(const session::Peer& peer, base::TimePoint now) override;
  session::Refresh refresh(base::TimePoint now) override { return inner_->refresh(now); }
  void drain() override { inner_->drain(); }

  /// By the connection's number. A later session of that number, as an answer is, adds to it.
  [[nodiscard]] const std::map<std::uint64_t, Said>& said() const { return said_; }

 private:
  class Watched;

  std::shared_ptr<session::Service> inner_;
  base::Duration slack_;
  Due due_;
  Complaint complain_;
  std::map<std::uint64_t, Said> said_;
};

}  // namespace poetry::simulation
