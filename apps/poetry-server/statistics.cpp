#include "statistics.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/algorithm/string/replace.hpp>
#include <iterator>

#include "base/utf8.hpp"

namespace poetry::server {
namespace {

double seconds_of(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

/// Read first what ended, which is a part of what was accepted.
std::uint64_t held_at(const engine::Port& port) {
  const std::uint64_t ended = port.counters->ended;
  return port.counters->accepted - ended;
}

struct Family {
  std::string_view name;
  std::string_view type;
  std::string_view about;
  double (*value)(const engine::Port&);  ///< null of a histogram
};

constexpr std::array families{
    Family{"connections_total", "counter", "Connections that were accepted.",
           [](const engine::Port& port) { return static_cast<double>(port.counters->accepted); }},
    Family{"connections_held", "gauge", "Connections that have not ended.",
           [](const engine::Port& port) { return static_cast<double>(held_at(port)); }},
    Family{"sent_bytes_total", "counter", "Bytes that were sent.",
           [](const engine::Port& port) { return static_cast<double>(port.counters->bytes_sent); }},
    Family{"sent_lines_total", "counter", "Newlines that were sent.",
           [](const engine::Port& port) { return static_cast<double>(port.counters->lines_sent); }},
    Family{"faults_total", "counter", "Faults that took effect.",
           [](const engine::Port& port) { return static_cast<double>(port.counters->faults); }},
    Family{"held_seconds_total", "counter", "For how long the ended connections were held.",
           [](const engine::Port& port) { return seconds_of(port.counters->held_ns); }},
    Family{"lateness_seconds", "histogram", "How long after its time a session got its turn.",
           nullptr}};

/// A label's value (Prometheus's text format, "Comments, help text, and type information").
std::string label(std::string_view name, std::string_view value) {
  auto text = base::valid_utf8(value);
  boost::replace_all(text, "\\", "\\\\");
  boost::replace_all(text, "\"", "\\\"");
  boost::replace_all(text, "\n", "\\n");
  return fmt::format("{}=\"{}\"", name, text);
}

std::string labels_of(const engine::Port& port) {
  return label("host", port.at.host) + ',' + label("port", std::to_string(port.at.port)) + ',' +
         label("service", port.service_name) + ',' + label("name", port.name);
}

void add_lateness(std::string& text, const engine::Port& port) {
  const auto labels = labels_of(port);
  constexpr const auto& bounds = engine::Counters::lateness_bounds;
  auto out = std::back_inserter(text);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    count += port.counters->late.at(i);
    fmt::format_to(out, "poetry_lateness_seconds_bucket{{{},le=\"{}\"}} {}\n", labels,
                   base::seconds(bounds.at(i)), count);
  }
  count += port.counters->late.back();
  fmt::format_to(out, "poetry_lateness_seconds_bucket{{{},le=\"+Inf\"}} {}\n", labels, count);
  fmt::format_to(out, "poetry_lateness_seconds_sum{{{}}} {}\n", labels,
                 seconds_of(port.counters->lateness_ns));
  fmt::format_to(out, "poetry_lateness_seconds_count{{{}}} {}\n", labels, count);
}

}  // namespace

boost::json::array port_statistics(std::span<const engine::Port> ports) {
  boost::json::array list;
  for (const auto& port : ports) {
    const auto active = held_at(port);
    list.push_back({{"host", port.at.host},
                    {"port", port.at.port},
                    {"service", port.service_name},
                    {"name", port.name},
                    {"accepted", port.counters->accepted.load()},
                    {"active", active},
                    {"bytes", port.counters->bytes_sent.load()},
                    {"faults", port.counters->faults.load()}});
  }
  return list;
}

std::string prometheus_text(std::span<const engine::Port> ports) {
  std::string text;
  auto out = std::back_inserter(text);
  for (const auto& [name, type, about, value] : families) {
    fmt::format_to(out, "# HELP poetry_{0} {1}\n# TYPE poetry_{0} {2}\n", name, about, type);
    for (const auto& port : ports) {
      if (value == nullptr) {
        add_lateness(text, port);
      } else {
        fmt::format_to(out, "poetry_{}{{{}}} {}\n", name, labels_of(port), value(port));
      }
    }
  }
  return text;
}

boost::json::array connection_list(engine::Connections& connections) {
  boost::json::array list;
  connections.end_if([&list](const engine::Held& held) {
    list.push_back({{"conn", held.number},
                    {"port", held.port.at.port},
                    {"peer", net::to_string(held.peer)},
                    {"service", held.port.service_name},
                    {"bytes", held.bytes ? boost::json::value(*held.bytes) : nullptr},
                    {"elapsed", base::seconds(held.elapsed)}});
    return false;
  });
  return list;
}

}  // namespace poetry::server
