#include "fetch/timeline.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace poetry {
namespace {

constexpr std::size_t most_rows = 40;
constexpr std::size_t least_bar = 20;
constexpr std::size_t most_label = 30;

enum class Cell : std::size_t { nothing, connecting, waiting, receiving, whole, failed };

using Marks = std::array<std::string_view, 6>;
constexpr Marks ascii_marks{" ", "-", ".", "#", "|", "x"};
constexpr Marks utf8_marks{" ", "╌", "·", "█", "▏", "✗"};

const Marks& marks_of(Glyphs glyphs) { return glyphs == Glyphs::utf8 ? utf8_marks : ascii_marks; }

/// Times to columns.
struct Scale {
  Duration whole{};
  std::size_t columns = 0;

  [[nodiscard]] std::size_t column(Duration at) const {
    if (whole <= Duration::zero()) return 0;
    const double share = std::clamp(seconds(at) / seconds(whole), 0.0, 1.0);
    return std::min(columns - 1, static_cast<std::size_t>(share * static_cast<double>(columns)));
  }
};

void fill(std::vector<Cell>& cells, std::size_t from, std::size_t to, Cell what) {
  for (std::size_t at = from; at <= to; ++at) cells[at] = what;
}

std::string bar(const Record& record, TimePoint start, const Scale& scale, Glyphs glyphs) {
  std::vector<Cell> cells(scale.columns + 1, Cell::nothing);
  if (record.started != never && record.ended != never) {
    const std::size_t first = scale.column(record.started - start);
    const std::size_t last = std::max(scale.column(record.ended - start), first + 1);
    fill(cells, first, last, Cell::connecting);
    if (record.connected != never) {
      fill(cells, scale.column(record.connected - start), last, Cell::waiting);
    }
    for (const TimePoint at : record.arrivals.times()) {
      cells[scale.column(at - start)] = Cell::receiving;
    }
    cells[last] = record.outcome == Outcome::ok ? Cell::whole : Cell::failed;
  }
  std::string text;
  for (const Cell cell : cells) text += marks_of(glyphs)[static_cast<std::size_t>(cell)];
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string label(const Run& run, std::size_t task) {
  std::string text = fmt::format("{} {}", task + 1, to_string(run.servers[task]));
  if (text.size() > most_label) text = text.substr(0, most_label - 2) + "..";
  return text;
}

std::vector<std::size_t> sample(std::size_t tasks) {
  std::vector<std::size_t> rows;
  const std::size_t count = std::min(tasks, most_rows);
  for (std::size_t row = 0; row < count; ++row) {
    rows.push_back(count == 1 ? 0 : row * (tasks - 1) / (count - 1));
  }
  return rows;
}

// 1, 2 or 5 times a power of ten seconds, so that labels stand 12 columns apart or more.
double step_of(const Scale& scale) {
  const double least = seconds(scale.whole) * 12 / static_cast<double>(scale.columns);
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

std::string axis(const Scale& scale, std::size_t indent) {
  std::string text(indent, ' ');
  if (scale.whole <= Duration::zero()) return text + "0 s\n";
  const double step = step_of(scale);
  for (int tick = 0; tick * step <= seconds(scale.whole); ++tick) {
    const auto at = std::chrono::duration<double>(tick * step);
    const std::size_t column = indent + scale.column(std::chrono::duration_cast<Duration>(at));
    const std::string mark = fmt::format("{:g} s", tick * step);
    if (column + mark.size() > indent + scale.columns + 1) break;
    text.resize(column, ' ');
    text += mark;
  }
  return text + "\n";
}

std::string draw_run(const Run& run, std::size_t labels, const Scale& scale, Glyphs glyphs) {
  const Totals totals = totals_of(run);
  std::string text = fmt::format("{} {:.3f} s\n", run.engine, seconds(totals.elapsed));
  const auto rows = sample(run.records.size());
  for (const std::size_t task : rows) {
    const std::string row = fmt::format("  {:<{}}  {}", label(run, task), labels,
                                        bar(run.records[task], totals.started, scale, glyphs));
    text.append(row, 0, row.find_last_not_of(' ') + 1).append("\n");
  }
  if (rows.size() < run.records.size()) {
    fmt::format_to(std::back_inserter(text), "  ({} of {} tasks)\n", rows.size(),
                   run.records.size());
  }
  return text;
}

std::string legend(Glyphs glyphs) {
  const Marks& marks = marks_of(glyphs);
  return fmt::format("  {} connecting  {} waiting  {} receiving  {} whole  {} failed\n", marks[1],
                     marks[2], marks[3], marks[4], marks[5]);
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

}  // namespace

std::string draw_timeline(std::span<const Run> runs, std::size_t width, Glyphs glyphs) {
  Scale scale;
  std::size_t labels = 0;
  for (const Run& run : runs) {
    scale.whole = std::max(scale.whole, totals_of(run).elapsed);
    for (const std::size_t task : sample(run.records.size())) {
      labels = std::max(labels, label(run, task).size());
    }
  }
  const std::size_t around = labels + 5;  // two columns before and behind, one for the end's mark
  scale.columns = std::max(least_bar, width > around ? width - around : 0);
  std::string text;
  for (const Run& run : runs) text += draw_run(run, labels, scale, glyphs);
  return text + axis(scale, labels + 4) + legend(glyphs);
}

std::size_t terminal_width(int fd) {
  constexpr std::size_t usual = 80;
  constexpr std::size_t most = 1000;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const long columns = std::strtol(variable("COLUMNS").c_str(), nullptr, 10);
  return columns > 0 ? std::min(most, static_cast<std::size_t>(columns)) : usual;
}

Glyphs terminal_glyphs() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = variable(name);
    if (value.empty()) continue;
    const bool utf8 = ::strcasestr(value.c_str(), "utf-8") != nullptr ||
                      ::strcasestr(value.c_str(), "utf8") != nullptr;
    return utf8 ? Glyphs::utf8 : Glyphs::ascii;
  }
  return Glyphs::ascii;
}

}  // namespace poetry
