#include "session/requests.hpp"

#include <atomic>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/unescape.hpp"

namespace poetry::session {
namespace {

class AnsweringService : public Service {
 public:
  AnsweringService(std::shared_ptr<Service> answers, Requests requests)
      : answers_(std::move(answers)), requests_(std::move(requests)) {}

  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override {
    return std::make_unique<Answering>(*this, peer, now);
  }
  Refresh refresh(base::TimePoint now) override { return answers_->refresh(now); }
  /// Who waits for a request is not answered any more.
  void drain() override {
    draining_ = true;
    answers_->drain();
  }

 private:
  class Answering : public Session {
   public:
    Answering(AnsweringService& service, const Peer& peer, base::TimePoint start)
        : service_(service), peer_(peer), mark_(service.requests_.until) {
      await_from(start);
    }

    Step next(base::TimePoint now) override {
      for (;;) {
        if (!answer_ && !begin(now)) return wait(now);
        const auto step = answer_->next(now);
        const auto* finish = std::get_if<Finish>(&step);
        if (finish == nullptr || finish->ending != Ending::complete || is_last()) return step;
        answer_.reset();
        await_from(now);
      }
    }

    void receive(std::string_view bytes) override {
      if (bytes.empty()) half_closed_ = true;
      if (service_.requests_.any && !bytes.empty()) requested_ = answered_ + 1;
      while (!service_.requests_.any && !bytes.empty()) {
        const auto size = mark_.find(bytes);
        if (!size) return;
        ++requested_;
        bytes.remove_prefix(*size);
        mark_ = base::EndMark(service_.requests_.until);
      }
    }

   private:
    [[nodiscard]] bool is_last() const { return answered_ == service_.requests_.rounds; }

    void await_from(base::TimePoint now) {
      const auto timeout = service_.requests_.timeout;
      until_ = timeout == base::Duration{0} ? base::never : base::later(now, timeout);
    }

    /// Whether there is a request, to which the answer begins now.
    bool begin(base::TimePoint now) {
      if (requested_ == answered_ || service_.draining_) return false;
      ++answered_;
      answer_ = service_.answers_->open(peer_, now);
      return true;
    }

    [[nodiscard]] Step wait(base::TimePoint now) const {
      if (service_.draining_ || (half_closed_ && answered_ > 0)) return Finish{};
      if (half_closed_ || until_ <= now) return Finish{Ending::unasked};
      return Listen{until_};
    }

    AnsweringService& service_;
    Peer peer_;
    base::EndMark mark_;     // of the request that is coming
    base::TimePoint until_;  // the end of waiting for it
    std::uint64_t requested_ = 0;
    std::uint64_t answered_ = 0;  // or being answered
    std::unique_ptr<Session> answer_;
    bool half_closed_ = false;
  };

  const std::shared_ptr<Service> answers_;
  const Requests requests_;
  std::atomic<bool> draining_{false};
};

/// N, in "Nlines"; none where it is no such text.
bool take_number(std::string_view text, std::string_view unit, std::uint64_t& number) {
  const auto digits = text.substr(0, text.find_first_not_of("0123456789"));
  const auto rest = text.substr(digits.size());
  if (digits.empty() ||
      (rest != unit && (digits != "1" || rest != unit.substr(0, unit.size() - 1))))
    return false;
  number = base::parse_count(digits, unit, 1, std::numeric_limits<std::uint64_t>::max());
  return true;
}

}  // namespace

void set_await(Requests& requests, std::string_view text) {
  base::EndMarks until;
  requests.any = text == "any";
  if (!requests.any && !take_number(text, "bytes", until.bytes) &&
      !take_number(text, "lines", until.lines)) {
    until.text = base::unescape(text);
    if (until.text.empty()) throw base::UsageError("needs TEXT, Nbytes, Nlines or any", text);
  }
  requests.until = std::move(until);
}

std::shared_ptr<Service> after_requests(std::shared_ptr<Service> answers,
                                        const Requests& requests) {
  if (!requests.awaited()) return answers;
  return std::make_shared<AnsweringService>(std::move(answers), requests);
}

}  // namespace poetry::session
