#include "pack.hpp"

#include <cstring>
#include <type_traits>

namespace poetry::get {
namespace {

template <typename Kind>
concept Plain = std::is_trivially_copyable_v<Kind>;

/// Writes each value that it is called with.
class Packer {
 public:
  explicit Packer(const output::Sink& sink) : sink_(sink) {}

  template <Plain Kind>
  void operator()(const Kind& value) {
    put(&value, sizeof value);
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    put(text.data(), text.size());
  }
  void operator()(const fetch::Arrivals& arrivals) {
    (*this)(arrivals.blur());
    (*this)(arrivals.times().size());
    put(arrivals.times().data(), arrivals.times().size() * sizeof(base::TimePoint));
  }
  void pass_on() {
    sink_(piece_);
    piece_.clear();
  }

 private:
  static constexpr std::size_t enough = std::size_t{64} << 10;

  void put(const void* bytes, std::size_t size) {
    piece_.append(static_cast<const char*>(bytes), size);
    if (piece_.size() >= enough) pass_on();
  }

  const output::Sink& sink_;
  std::string piece_;
};

/// Reads each value that it is called with, in the order of packing.
class Unpacker {
 public:
  explicit Unpacker(const Source& source) : source_(source) {}

  template <Plain Kind>
  void operator()(Kind& value) {
    get(&value, sizeof value);
  }
  void operator()(std::string& text) {
    text.resize(size());
    get(text.data(), text.size());
  }
  void operator()(fetch::Arrivals& arrivals) {
    base::Duration blur{};
    (*this)(blur);
    std::vector<base::TimePoint> times(size());
    get(times.data(), times.size() * sizeof(base::TimePoint));
    arrivals = {blur, std::move(times)};
  }
  std::size_t size() {
    std::size_t value = 0;
    (*this)(value);
    return value;
  }

 private:
  void get(void* bytes, std::size_t size) { source_({static_cast<char*>(bytes), size}); }

  const Source& source_;
};

template <typename Each, typename One>
void visit_record(Each& each, One& record) {
  each(record.outcome);
  each(record.sha256);
  each(record.address);
  each(record.error);
  each(record.attempts);
  each(record.bytes);
  each(record.lines);
  each(record.started);
  each(record.attempted);
  each(record.resolved);
  each(record.connected);
  each(record.first_byte);
  each(record.ended);
  each(record.longest_gap);
  each(record.arrivals);
}

}  // namespace

void pack(const report::Run& run, const output::Sink& sink) {
  Packer packer(sink);
  packer(run.engine);
  packer(run.cost);
  packer(run.records.size());
  for (const fetch::Record& record : run.records) visit_record(packer, record);
  packer.pass_on();
}

report::Run unpack(const Source& source) {
  Unpacker unpacker(source);
  report::Run run;
  unpacker(run.engine);
  unpacker(run.cost);
  run.records.resize(unpacker.size());
  for (fetch::Record& record : run.records) visit_record(unpacker, record);
  return run;
}

}  // namespace poetry::get
