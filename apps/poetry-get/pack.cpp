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
  std::string bytes;

 private:
  void put(const void* from, std::size_t size) {
    bytes.append(static_cast<const char*>(from), size);
  }
};

/// Reads each value that it is called with, in the order of packing.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}

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
  void get(void* to, std::size_t size) {
    bytes_.copy(static_cast<char*>(to), size);
    bytes_.remove_prefix(size);
  }

  std::string_view bytes_;
};

// Names every member, lest one be forgotten: then this does not compile.
template <typename Each, typename One>
void visit_record(Each& each, One& record) {
  auto& [outcome, sha256, address, error, attempts, bytes, lines, started, attempted, resolved,
         connected, first_byte, ended, longest_gap, arrivals] = record;
  const auto visit = [&each](auto&... members) { (each(members), ...); };
  visit(outcome, sha256, address, error, attempts, bytes, lines, started, attempted, resolved,
        connected, first_byte, ended, longest_gap, arrivals);
}

}  // namespace

std::string pack(const report::Run& run) {
  Packer packer;
  packer(run.cost);
  packer(run.records.size());
  for (const fetch::Record& record : run.records) visit_record(packer, record);
  return std::move(packer.bytes);
}

report::Run unpack(std::string_view bytes) {
  Unpacker unpacker(bytes);
  report::Run run;
  unpacker(run.cost);
  run.records.resize(unpacker.size());
  for (fetch::Record& record : run.records) visit_record(unpacker, record);
  return run;
}

}  // namespace poetry::get
