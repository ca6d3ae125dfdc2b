#include "simulation/witness.hpp"

#include <utility>

namespace poetry::simulation {

class Witness::Watched final : public session::Session {
 public:
  Watched(const Witness& witness, std::unique_ptr<session::Session> inner, Said& said)
      : witness_(witness), inner_(std::move(inner)), said_(said) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() override { said_.closed = base::Clock::now(); }

  session::Step next(base::TimePoint now) override {
    if (now < until_ && !told_) witness_.complain_("a session was woken too early");
    if (until_ != base::TimePoint::min() && until_ != base::never && now > until_ + witness_.slack_)
      witness_.complain_("a session was woken too late, by " +
                         std::to_string((now - until_).count()) + " ns");
    auto step = inner_->next(now);
    until_ = base::TimePoint::min();
    told_ = false;
    if (const auto* const write = std::get_if<session::Write>(&step)) {
      note(write->bytes, now);
    } else if (const auto* const listen = std::get_if<session::Listen>(&step)) {
      until_ = listen->until <= now ? base::TimePoint::min() : listen->until;
      told_ = true;  // by news, of which nothing is known here
    } else if (const auto* const pause = std::get_if<session::Pause>(&step)) {
      until_ = pause->until;
    } else {
      const bool finished = std::holds_alternative<session::Finish>(step);
      said_.end = finished ? Said::End::finish : Said::End::abort;
    }
    return step;
  }

  void receive(std::string_view bytes) override {
    if (bytes.empty() && std::exchange(said_.heard_end, true))
      witness_.complain_("a session was told twice of the end");
    said_.heard += bytes;
    inner_->receive(bytes);
  }

 private:
  void note(std::string_view bytes, base::TimePoint now) {
    said_.bytes += bytes;
    if (!witness_.due_ || bytes.empty()) return;
    if (now < base::later(said_.opened, witness_.due_(said_.bytes.size() - 1)))
      witness_.complain_("a line left before it was due");
  }

  const Witness& witness_;
  std::unique_ptr<session::Session> inner_;
  Said& said_;
  base::TimePoint until_ = base::TimePoint::min();
  bool told_ = true;
};

Witness::Witness(std::shared_ptr<session::Service> inner, base::Duration slack, Due due,
                 Complaint complain)
    : inner_(std::move(inner)),
      slack_(slack),
      due_(std::move(due)),
      complain_(std::move(complain)) {}

std::unique_ptr<session::Session> Witness::open(const session::Peer& peer, base::TimePoint now) {
  auto session = inner_->open(peer, now);
  Said& said = said_[peer.number];
  said.opened = now;
  return std::make_unique<Watched>(*this, std::move(session), said);
}

}  // namespace poetry::simulation
