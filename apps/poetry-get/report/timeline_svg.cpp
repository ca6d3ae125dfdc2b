#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "base/utf8.hpp"
#include "report/timeline_chart.hpp"
#include "report/timeline_signs.hpp"

namespace poetry::get::report {
namespace {

// Lengths are in the units of the picture, which is as wide as a slide and as high as it needs.
constexpr double picture_width = 1200;
constexpr double margin = 36;
constexpr double gap = 16;
constexpr double title_size = 30;
constexpr double heading_size = 22;
constexpr double axis_size = 18;
constexpr double legend_size = 19;
constexpr double legend_character = 0.55;  // mean width, for a font size of 1, with room to spare
constexpr double mono = 0.605;             // width of a character of a name, for the same
constexpr double remark_share = 0.85;      // of the size of a name
constexpr double min_names = 200;          // so that pictures of short names look alike
constexpr std::size_t max_name_columns = 30;
constexpr double tick_distance = 80;
constexpr double min_shown = 1;  // a narrower stretch cannot be seen

/// Draws one chart.
class Picture {
 public:
  // Few rows fill a slide, many still fit on a page.
  Picture(const Chart& chart, Motion motion)
      : chart_(chart),
        moves_(motion == Motion::yes),
        pitch_(chart.rows <= 12   ? 42
               : chart.rows <= 30 ? 32
                                  : 24),
        font_(chart.rows <= 12   ? 22
              : chart.rows <= 30 ? 19
                                 : 17) {
    const double character = mono * font_;
    const auto length = [&](std::size_t columns) {
      return static_cast<double>(columns) * character;
    };
    numbers_ = margin + length(chart.number_width);
    names_ = numbers_ + character;
    left_ = std::max(names_ + length(std::min(chart.name_width, max_name_columns)) + gap,
                     margin + min_names);
    remarks_ = picture_width - margin - length(chart.remark_width) * remark_share;
    right_ = remarks_ - pitch_;  // behind the scale is room for an ending
    ticks_ = ticks_of(chart.whole, static_cast<std::size_t>((right_ - left_) / tick_distance) + 1);
  }

  std::string draw() {
    draw_top();
    for (const ChartPanel& panel : chart_.panels) draw(panel);
    draw_legend();
    return svg_format(R"(<svg class="pt-timeline" xmlns="http://www.w3.org/2000/svg" width="{0}" )"
                      R"(height="{1}" viewBox="0 0 {0} {1}" role="img" )"
                      "aria-labelledby=\"pt-title pt-desc\">\n",
                      picture_width, y_) +
           text_ + "</svg>\n";
  }

 private:
  [[nodiscard]] double x(base::Duration at) const {
    if (chart_.whole <= base::Duration::zero()) return left_;
    return left_ + (right_ - left_) * base::seconds(at) / base::seconds(chart_.whole);
  }

  // Its base line is so far below the middle that capitals and digits stand in it.
  void write(double at, std::string_view anchor, double size, std::string_view classes,
             std::string_view text) {
    put(R"(<text class="{}" x="{}" y="{}" font-size="{}" text-anchor="{}">{}</text>)", classes, at,
        y_ + size * 0.35, size, anchor, text);
  }

  void draw_top() {
    const std::size_t engines = chart_.panels.size();
    const auto title =
        fmt::format("Fetching {} by {}", base::counted(chart_.tasks, "poem"),
                    engines == 1 ? chart_.panels.front().engine
                                 : fmt::format("each of {} engines, on one scale", engines));
    put(R"(<title id="pt-title">{}</title>)", title);
    put(R"(<desc id="pt-desc">A row for each task shows what it did when.)");
    for (const auto& panel : chart_.panels) put(" {}: {}.", panel.engine, panel.heading);
    put("</desc>\n");
    text_ += svg_style();
    if (moves_) draw_sweep();
    put(R"(<rect class="pt-paper" width="100%" height="100%"/>)");
    y_ = margin + title_size / 2;
    write(margin, "start", title_size, "pt-text pt-ink pt-bold", title);
    put("\n");
    y_ += title_size / 2 + 10;
  }

  // What uncovers the bars, from the left in their own time.
  void draw_sweep() {
    put("<style>@keyframes pt-sweep{{from{{transform:translateX(-{}px)}}}}\n"
        ".pt-sweep{{animation:pt-sweep {}s linear both}}\n"
        "@media (prefers-reduced-motion:reduce){{.pt-sweep{{animation:none}}}}</style>",
        right_ - left_, base::seconds(chart_.whole));
    put(R"(<clipPath id="pt-sweep"><rect class="pt-sweep" width="{}" height="100%"/></clipPath>)",
        right_ + pitch_ / 2);
  }

  void draw(const ChartPanel& panel) {
    y_ += heading_size + 12;
    put(R"(<g class="pt-panel"><text class="pt-text pt-ink" x="{}" y="{}" font-size="{}">)", margin,
        y_, heading_size);
    put("<tspan class=\"pt-bold\">{}</tspan> {}</text>\n", panel.engine, panel.heading);
    y_ += heading_size / 2 + 3;
    draw_grid(panel);
    for (const ChartRow& row : panel.rows) {
      y_ += pitch_ / 2;
      draw(row);
      y_ += pitch_ / 2;
    }
    if (has_axis(chart_, panel)) draw_axis();
    if (!panel.note.empty()) {
      y_ += axis_size;
      write(margin, "start", axis_size, "pt-text pt-soft", panel.note);
      y_ += axis_size * 0.7;
    }
    put("</g>\n");
  }

  void draw_grid(const ChartPanel& panel) {
    const auto height = pitch_ * static_cast<double>(panel.rows.size());
    put(R"(<path class="pt-grid" d=")");
    for (const Tick& tick : ticks_) put("M{} {}v{}", x(tick.at), y_, height);
    put("\"/>");
    if (x(panel.elapsed) - x(panel.floor) < pitch_ / 4) return;  // hardly beyond it
    floor_used_ = true;
    put(R"(<path class="pt-floor" d="M{} {}v{}"/>)", x(panel.floor), y_, height);
  }

  void draw_axis() {
    put(R"(<g class="pt-ticks"><path class="pt-axis" d="M{} {}H{}"/><path class="pt-axis" d=")",
        left_, y_, right_);
    for (const Tick& tick : ticks_) put("M{} {}v8", x(tick.at), y_);
    put("\"/>");
    y_ += axis_size * 1.3;
    write(margin, "start", axis_size, "pt-text pt-soft", "time");
    for (const Tick& tick : ticks_)
      write(x(tick.at), "middle", axis_size, "pt-text pt-soft", tick.label);
    y_ += axis_size * 0.7;
    put("</g>\n");
  }

  void draw(const ChartRow& row) {
    const auto name =
        base::to_utf8(base::shortened(base::shown_text(row.name), max_name_columns, U'…'));
    put(R"(<g class="pt-task"><title>{}</title>)", base::shown_utf8(row.facts));
    write(numbers_, "end", font_, "pt-mono pt-soft", std::to_string(row.task + 1));
    write(names_, "start", font_, "pt-mono pt-ink", name);
    if (row.begun) draw_bar(row);
    if (!row.remark.empty())
      write(remarks_, "start", font_ * remark_share, "pt-mono pt-soft", row.remark);
    put("</g>\n");
  }

  void draw_bar(const ChartRow& shown) {
    if (x(shown.started) - left_ > gap) {  // leads the eye from the name
      put(R"(<path class="pt-grid" d="M{} {}H{}"/>)", left_, y_, x(shown.started) - 4);
    }
    text_ +=
        moves_ ? R"svg(<g class="pt-bar" clip-path="url(#pt-sweep)">)svg" : R"(<g class="pt-bar">)";
    for (const Stretch& stretch : shown.stretches) {
      if (x(stretch.to) - x(stretch.from) < min_shown) continue;
      draw(stretch.sign, x(stretch.from), x(stretch.to));
    }
    std::vector<double> arrivals;
    for (const base::Duration at : shown.arrivals) arrivals.push_back(x(at));
    text_ += svg_arrivals({y_, pitch_}, arrivals);
    if (!arrivals.empty()) used_[static_cast<std::size_t>(Sign::arrival)] = true;
    if (shown.retried) draw(Sign::retry, x(*shown.retried), 0);
    draw(shown.ending, x(shown.ended), 0);
    put("</g>");
  }

  void draw_legend() {
    constexpr double long_sample = 44;
    constexpr double short_sample = 22;
    y_ += legend_size * 1.6;
    put(R"(<g class="pt-legend">)");
    double at = margin;
    // Makes room for an item, and leaves the sample to the caller.
    const auto item = [&](double sample, const std::string& words) {
      const double needed =
          sample + gap / 2 + static_cast<double>(words.size()) * legend_character * legend_size;
      if (at > margin && at + needed > picture_width - margin) {
        at = margin;
        y_ += legend_size * 1.7;
      }
      write(at + sample + gap / 2, "start", legend_size, "pt-text pt-ink", words);
      return std::exchange(at, at + needed + gap);
    };
    for (std::size_t index = 0; index < signs; ++index) {
      if (!used_[index]) continue;
      const auto sign = static_cast<Sign>(index);
      const bool lasts = sign < Sign::arrival;
      const double sample = lasts ? long_sample : short_sample;
      const double from = item(sample, meaning(sign, chart_));
      draw(sign, lasts ? from : from + sample / 2, from + sample);
    }
    if (floor_used_) {
      const double from = item(short_sample, "the floor: the slowest task");
      put(R"(<path class="pt-floor" d="M{} {}v26"/>)", from + short_sample / 2, y_ - 13);
    }
    put("</g>\n");
    y_ += legend_size + margin / 2;
  }

  void draw(Sign sign, double from, double to) {
    used_[static_cast<std::size_t>(sign)] = true;
    text_ += svg_sign(sign, {y_, pitch_}, from, to);
  }

  template <typename... Values>
  void put(SvgFormat<Values...> format, const Values&... values) {
    text_ += svg_format(format, values...);
  }

  const Chart& chart_;
  bool moves_;
  double pitch_;    // from a row to the next
  double font_;     // size of the names
  double numbers_;  // right end of the numbers
  double names_;    // left end of the names
  double left_;     // ends of the scale
  double right_;
  double remarks_;  // left end of the remarks
  std::vector<Tick> ticks_;
  double y_ = 0;  // how far down the picture has got; of a line, its middle
  std::array<bool, signs> used_{};
  bool floor_used_ = false;
  std::string text_;
};

}  // namespace

std::string svg_timeline(std::span<const Run> runs, Motion motion) {
  const Chart chart = chart_of(runs);
  return Picture(chart, motion).draw();
}

}  // namespace poetry::get::report
