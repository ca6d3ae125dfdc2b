#include "task_log.hpp"

#include <utility>

namespace poetry::get {

TaskLog::TaskLog(std::string engine, fetch::Servers servers, output::Sink sink)
    : engine_(std::move(engine)),
      servers_(std::move(servers)),
      writer_([this] { return std::exchange(lines_, {}); }, std::move(sink)) {}

void TaskLog::ended(std::size_t task, const fetch::Record& record) {
  const auto line = report::json_line(engine_, servers_, task, record, start_);
  {
    const std::lock_guard lock(writer_.mutex());
    lines_ += line;
  }
  writer_.wake();
}

}  // namespace poetry::get
