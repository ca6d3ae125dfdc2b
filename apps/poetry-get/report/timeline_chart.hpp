// What the pictures of runs have in common: which tasks they show, what each was doing when, and
// the scale. A pure function of what the runs left; drawn by timeline and timeline_svg.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.hpp"

namespace poetry::get::report {

struct Tick {
  base::Duration at{};
  std::string label;
};

/// Round times from 0 up to `whole`, all with one unit; no more than `most` of them, which are 2 at
/// least.
std::vector<Tick> ticks_of(base::Duration whole, std::size_t max);

/// What a picture has a sign for, in the order of a task's life and of the legend.
enum class Sign {
  broken,  ///< attempts before the last one, and the pauses behind them
  resolving,
  connecting,
  waiting,    ///< connected, and nothing has come yet
  receiving,  ///< from one arrival to the next
  idle,       ///< the same, where that is long
  arrival,
  retry,  ///< the last attempt's beginning, where it was not the first
  whole,
  limit,
  failed,
  interrupted
};
inline constexpr std::size_t signs = 12;

/// Times are since the run's start.
struct Stretch {
  Sign sign = Sign::waiting;
  base::Duration from{};
  base::Duration to{};
};

/// A task as it is shown.
struct ChartRow {
  std::size_t task = 0;  ///< from 0
  std::string name;      ///< the server's label, else its address
  bool begun = false;    ///< else it has no more than a name and a remark
  base::Duration started{};
  base::Duration ended{};
  Sign ending = Sign::whole;
  std::vector<Stretch> stretches;  ///< from `started` to `ended`, without holes
  std::vector<base::Duration> arrivals;
  std::optional<base::Duration> retried;  ///< when the last attempt began, if not the first
  std::string remark;                     ///< outcome and attempts where they are worth a word
  std::string facts;                      ///< a sentence about the task
};

/// A run as it is shown.
struct ChartPanel {
  std::string engine;
  std::string heading;  ///< elapsed and floor, and what failed
  std::string note;     ///< that not all tasks are shown; else empty
  base::Duration elapsed{};
  base::Duration floor{};
  std::vector<ChartRow> rows;
};

struct Chart {
  std::size_t tasks = 0;
  base::Duration whole{};    ///< the longest run: the end of the scale
  base::Duration silence{};  ///< the shortest that is shown as idle
  std::vector<ChartPanel> panels;
  std::size_t rows = 0;          ///< of all panels
  std::size_t number_width = 1;  ///< columns that the widest takes
  std::size_t name_width = 1;
  std::size_t remark_width = 0;
};

/// Of a list of more than 40 tasks, or of fewer where several runs are to be seen at a glance, a
/// sample is shown, the same of each run: the first, the last, the slowest of each run, failures
/// up to a quarter, and others evenly spaced. The scale is `min_scale` or longer.
Chart chart_of(std::span<const Run> runs, base::Duration min_scale = {});

/// One word for a sign.
std::string_view name(Sign sign);

/// What a legend says of a sign.
std::string meaning(Sign sign, const Chart& chart);

/// Whether an axis is drawn under this panel: under the last one, and under those so long that the
/// last one's is far away.
bool has_axis(const Chart& chart, const ChartPanel& panel);

}  // namespace poetry::get::report
