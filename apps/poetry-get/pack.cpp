#include "pack.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

namespace poetry::get {
namespace {

template <typename Kind>
concept Plain = std::is_trivially_copyable_v<Kind>;

constexpr std::size_t answer_bytes = std::size_t{64} << 10;

/// Writes each value that it is called with.
class Writer {
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
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

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
  auto& [outcome, sha256, address, error, attempts, bytes, lines, sent, started, attempted,
         resolved, connected, first_byte, ended, longest_gap, arrivals] = record;
  const auto visit = [&each](auto&... members) { (each(members), ...); };
  visit(outcome, sha256, address, error, attempts, bytes, lines, sent, started, attempted, resolved,
        connected, first_byte, ended, longest_gap, arrivals);
}

}  // namespace

// A frame is its size and its bytes: the first holds the cost and how many records follow, each in
// a frame of its own.
void pack(const report::Run& run, const output::Sink& sink) {
  Writer piece;
  const auto put = [&](const Writer& frame) {
    piece(frame.bytes);
    if (piece.bytes.size() < answer_bytes) return;
    sink(piece.bytes);
    piece.bytes.clear();
  };
  Writer head;
  head(run.cost);
  head(run.records.size());
  put(head);
  for (const fetch::Record& record : run.records) {
    Writer frame;
    visit_record(frame, record);
    put(frame);
  }
  sink(piece.bytes);
}

void Unpacker::take(std::string_view piece) {
  pending_ += piece;
  std::string_view rest = pending_;
  while (rest.size() >= sizeof(std::size_t)) {
    const std::size_t size = Reader(rest).size();
    if (rest.size() - sizeof size < size) break;
    unpack(rest.substr(sizeof size, size));
    rest.remove_prefix(sizeof size + size);
  }
  pending_.erase(0, pending_.size() - rest.size());
}

void Unpacker::unpack(std::string_view frame) {
  Reader reader(frame);
  if (!std::exchange(begun_, true)) {
    reader(run.cost);
    run.records.reserve(reader.size());
  } else {
    visit_record(reader, run.records.emplace_back());
  }
}

}  // namespace poetry::get
