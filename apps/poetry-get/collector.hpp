// Takes what a strategy's tasks receive to the outputs, tells their events on standard error, and
// digests their bytes where a report shows it. Owned by one run of one engine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/sha256.hpp"
#include "fetch/output.hpp"
#include "fetch/strategy.hpp"
#include "progress.hpp"
#include "screen.hpp"

namespace poetry {

enum class Events { none, failures, all };
enum class Digests { no, yes };

class Collector final : public Observer {
 public:
  Collector(std::vector<std::unique_ptr<Output>> outputs, std::size_t tasks, Events events,
            Digests digests, Screen& screen, Progress& progress);

  std::string received(std::size_t task, const Record& record, std::string_view bytes) override;
  void retrying(std::size_t task, const Record& record, Duration delay) override;
  void ended(std::size_t task, Record& record) override;

  /// The digest of each task; none where they were not asked for.
  std::vector<std::string> take_sha256() { return std::move(sha256_); }

 private:
  std::vector<std::unique_ptr<Output>> outputs_;
  Events events_;
  Screen& screen_;
  Progress& progress_;
  std::vector<std::unique_ptr<Sha256>> digesting_;  // made with a task's first byte
  std::vector<std::string> sha256_;
};

}  // namespace poetry
