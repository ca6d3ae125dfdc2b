#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "base/shown_text.hpp"
#include "base/utf8.hpp"
#include "report/timeline_chart.hpp"

namespace poetry::get::report {
namespace {

constexpr std::size_t min_bar = 20;
constexpr std::size_t min_name = 12;
constexpr std::size_t max_name = 40;
constexpr std::size_t min_width_for_remarks = 70;
constexpr std::size_t columns_a_tick = 9;

/// How a sign looks; the colour is an SGR parameter (ECMA-48).
struct Form {
  char32_t ascii;
  char32_t utf8;
  std::string_view colour;
};
constexpr std::array<Form, signs> forms{{{'~', U'≈', "33"},
                                         {'?', U'┄', "35"},
                                         {'-', U'╌', "33"},
                                         {'.', U'·', "34"},
                                         {'=', U'━', "32"},
                                         {'_', U'─', "90"},
                                         {'#', U'█', "1;32"},
                                         {'r', U'↻', "1;33"},
                                         {'|', U'▏', "32"},
                                         {'>', U'»', "36"},
                                         {'x', U'✗', "1;31"},
                                         {'!', U'!', "1;33"}}};

/// Draws one chart.
class Drawing {
 public:
  Drawing(const Chart& chart, const Look& look)
      : chart_(chart),
        look_(look),
        ascii_(look.glyphs == base::Glyphs::ascii),
        name_width_(std::min(chart.name_width, std::clamp(look.width / 3, min_name, max_name))),
        indent_(2 + chart.number_width + 1 + name_width_ + 2) {
    const bool remarks = chart.remark_width > 0 && look.width >= min_width_for_remarks;
    if (remarks) remarks_ = chart.remark_width + 1;
    const std::size_t around = indent_ + remarks_ + 1;
    columns_ = std::max(min_bar, look.width > around ? look.width - around : 0);
  }

  std::string draw() {
    for (const ChartPanel& panel : chart_.panels) {
      paint(panel.engine, "1");
      write(" " + panel.heading);
      end_line();
      for (const ChartRow& row : panel.rows) draw(row);
      if (has_axis(chart_, panel)) draw_axis();
      if (!panel.note.empty()) text_.append("  (").append(panel.note).append(")\n");
    }
    draw_legend();
    return std::move(text_);
  }

 private:
  using Cells = std::vector<std::optional<Sign>>;

  [[nodiscard]] std::u32string name_of(const ChartRow& row) const {
    auto name = base::shown_text(row.name);
    if (ascii_) name = base::in_ascii(std::move(name));
    return base::shortened(std::move(name), name_width_, ascii_ ? U'~' : U'…');
  }

  [[nodiscard]] std::size_t column(base::Duration at) const {
    if (chart_.whole <= base::Duration::zero()) return 0;
    const double share = std::clamp(base::seconds(at) / base::seconds(chart_.whole), 0.0, 1.0);
    return std::min(columns_ - 1, static_cast<std::size_t>(share * static_cast<double>(columns_)));
  }

  // The ending stands where the end was, whatever else there would be.
  [[nodiscard]] Cells cells_of(const ChartRow& row) const {
    if (!row.begun) return {};
    Cells cells(columns_);
    for (const Stretch& stretch : row.stretches) {
      const auto last = column(stretch.to);
      for (std::size_t at = column(stretch.from); at <= last; ++at) cells[at] = stretch.sign;
    }
    for (const base::Duration at : row.arrivals) cells[column(at)] = Sign::arrival;
    if (row.retried) cells[column(*row.retried)] = Sign::retry;
    cells.resize(column(row.ended) + 1);
    cells.back() = row.ending;
    return cells;
  }

  /// A text of ours, of which only µ is not ASCII.
  [[nodiscard]] std::u32string legible(std::string_view text) const {
    auto shown = base::shown_text(text);
    if (ascii_) std::ranges::replace(shown, U'µ', U'u');
    return shown;
  }

  void draw(const ChartRow& row) {
    const auto name = name_of(row);
    fmt::format_to(std::back_inserter(text_), "  {:>{}} {}", row.task + 1, chart_.number_width,
                   base::to_utf8(name));
    text_.append(name_width_ - base::columns_of(name) + 2, ' ');
    const auto cells = cells_of(row);
    for (const auto& cell : cells) {
      if (cell) {
        put(*cell);
      } else {
        write(" ");
      }
    }
    if (remarks_ > 0 && !row.remark.empty())
      write(std::string(columns_ + 1 - cells.size(), ' ') + row.remark);
    end_line();
  }

  void draw_axis() {
    std::u32string rule(columns_, ascii_ ? U'-' : U'─');
    std::u32string labels;
    for (const Tick& tick : ticks_of(chart_.whole, columns_ / columns_a_tick + 1)) {
      const std::size_t at = column(tick.at);
      rule[at] = ascii_ ? U'+' : U'┴';
      const auto label = legible(tick.label);
      if (at + label.size() > columns_ + remarks_) continue;
      labels.resize(at, ' ');
      labels += label;
    }
    text_.append(indent_, ' ').append(base::to_utf8(rule)).append("\n");
    text_.append(indent_, ' ').append(base::to_utf8(labels));
    end_line();
  }

  void draw_legend() {
    constexpr std::string_view margin = "  ";
    std::size_t used = 0;
    for (std::size_t at = 0; at < signs; ++at) {
      if (!used_[at]) continue;
      const auto words = legible(" " + meaning(static_cast<Sign>(at), chart_));
      const std::size_t more = margin.size() + 1 + words.size();
      if (used > 0 && used + more > look_.width) {
        end_line();
        used = 0;
      }
      write(margin);
      put(static_cast<Sign>(at));
      write(base::to_utf8(words));
      used += more;
    }
    if (used > 0) end_line();
  }

  void put(Sign sign) {
    const Form& form = forms[static_cast<std::size_t>(sign)];
    used_[static_cast<std::size_t>(sign)] = true;
    const char32_t glyph = ascii_ ? form.ascii : form.utf8;
    paint(base::to_utf8({&glyph, 1}), form.colour);
  }

  void paint(std::string_view text, std::string_view colour) {
    if (look_.colours == base::Colours::yes && colour != colour_) {
      text_.append("\x1b[0;").append(colour).append("m");
      colour_ = colour;
    }
    text_ += text;
  }

  void write(std::string_view text) {
    if (!colour_.empty()) text_ += "\x1b[0m";
    colour_ = {};
    text_ += text;
  }

  void end_line() {
    write("");
    text_.erase(text_.find_last_not_of(' ') + 1);
    text_ += '\n';
  }

  const Chart& chart_;
  Look look_;
  bool ascii_;
  std::size_t name_width_;
  std::size_t indent_;       // of the bars
  std::size_t columns_ = 0;  // of the scale
  std::size_t remarks_ = 0;  // columns for them; 0 where they are not shown
  std::array<bool, signs> used_{};
  std::string text_;
  std::string_view colour_;  // in force at the end of the text
};

}  // namespace

std::string draw_timeline(std::span<const Run> runs, const Look& look) {
  const Chart chart = chart_of(runs);
  return Drawing(chart, look).draw();
}

std::string draw_timeline(const Run& run, base::Duration scale, std::string_view heading,
                          const Look& look) {
  Chart chart = chart_of({&run, 1}, scale);
  ChartPanel& panel = chart.panels.front();
  panel.heading = heading.substr(0, look.width - std::min(look.width, run.engine.size() + 1));
  if (chart.tasks < run.servers.size())
    panel.note = fmt::format("the first {} of {} tasks", chart.tasks, run.servers.size());
  return Drawing(chart, look).draw();
}

}  // namespace poetry::get::report
