#include "pack.hpp"

#include <type_traits>
#include <utility>

namespace poetry::get {
namespace {

template <typename Kind>
concept Plain = std::is_trivially_copyable_v<Kind>;

constexpr std::size_t answer_bytes = std::size_t{64} << 10;

/// Packs each value that it is called with behind `to`, or unpacks it from the front of `from`.
class Packer {
 public:
  explicit Packer(std::string& to) : to_(&to) {}
  explicit Packer(std::string_view from) : from_(from) {}

  template <Plain Kind>
  void operator()(Kind& value) {
    copy(&value, sizeof value);
  }
  void operator()(std::string& text) {
    text.resize(size(text.size()));
    copy(text.data(), text.size());
  }
  void operator()(fetch::Arrivals& arrivals) {
    auto blur = arrivals.blur();
    auto times = arrivals.times();
    (*this)(blur);
    times.resize(size(times.size()));
    copy(times.data(), times.size() * sizeof(base::TimePoint));
    arrivals = {blur, std::move(times)};
  }
  /// That of what follows, which is not known before it is unpacked.
  std::size_t size(std::size_t value = 0) {
    (*this)(value);
    return value;
  }

 private:
  void copy(void* bytes, std::size_t size) {
    if (to_ != nullptr) {
      to_->append(static_cast<const char*>(bytes), size);
    } else {
      from_.copy(static_cast<char*>(bytes), size);
      from_.remove_prefix(size);
    }
  }

  std::string* to_ = nullptr;
  std::string_view from_;
};

// Names every member, lest one be forgotten: then this does not compile.
void visit_record(Packer each, fetch::Record& record) {
  auto& [outcome, sha256, address, error, attempts, bytes, lines, sent, started, attempted,
         resolved, connected, first_byte, ended, longest_gap, arrivals] = record;
  const auto visit = [&each](auto&... members) { (each(members), ...); };
  visit(outcome, sha256, address, error, attempts, bytes, lines, sent, started, attempted, resolved,
        connected, first_byte, ended, longest_gap, arrivals);
}

}  // namespace

// A frame is its size and its bytes: the first holds the cost and how many records follow, each in
// a frame of its own.
void pack(report::Run run, const output::Sink& sink) {
  std::string piece;
  Packer whole(piece);
  std::string frame;
  const auto put = [&] {
    whole(frame);
    frame.clear();
    if (piece.size() < answer_bytes) return;
    sink(piece);
    piece.clear();
  };
  Packer head(frame);
  head(run.cost);
  head.size(run.records.size());
  put();
  for (fetch::Record& record : run.records) {
    visit_record(Packer(frame), record);
    put();
  }
  sink(piece);
}

void Unpacker::take(std::string_view piece) {
  pending_ += piece;
  std::string_view rest = pending_;
  while (rest.size() >= sizeof(std::size_t)) {
    const std::size_t size = Packer(rest).size();
    if (rest.size() - sizeof size < size) break;
    unpack(rest.substr(sizeof size, size));
    rest.remove_prefix(sizeof size + size);
  }
  pending_.erase(0, pending_.size() - rest.size());
}

void Unpacker::unpack(std::string_view frame) {
  Packer reader(frame);
  if (!std::exchange(begun_, true)) {
    reader(run.cost);
    run.records.reserve(reader.size());
  } else {
    visit_record(reader, run.records.emplace_back());
  }
}

}  // namespace poetry::get
