#include "session/record_text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <limits>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "base/utf8.hpp"
#include "session/log_record.hpp"

namespace poetry::session {
namespace {

constexpr auto any_number = std::numeric_limits<std::uint64_t>::max();

std::string xml_extra(std::string_view text) {
  if (text.empty()) return "";
  return " " + std::string(extra_name) + "=\"" + base::xml_escaped(text) + "\"";
}

std::string xml_of(const LogRecord& record) {
  std::string text = "<hit";
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    if (!record.fields[i]) continue;
    text.append(" ").append(log_field_names[i]).append("=\"");
    text.append(base::xml_escaped(*record.fields[i])).append("\"");
  }
  return text + xml_extra(fmt::format("{}", fmt::join(record.extra, " "))) + "/>\n";
}

/// Its members that are no text or number are extra, as they are.
std::string xml_of(const boost::json::object& record) {
  std::string text = "<hit";
  boost::json::object extra;
  for (const auto& [name, value] : record) {
    if (std::ranges::find(log_field_names, std::string_view(name)) == log_field_names.end() ||
        value.is_object() || value.is_array()) {
      extra.emplace(name, value);
      continue;
    }
    const auto* const string = value.if_string();
    const auto shown = string == nullptr ? base::json_text(value) : std::string(*string);
    text.append(" ").append(name).append("=\"").append(base::xml_escaped(shown)).append("\"");
  }
  return text + xml_extra(extra.empty() ? "" : base::json_text(extra)) + "/>\n";
}

std::string xml_of(std::string_view unparsed) {
  return "<unparsed>" + base::xml_escaped(unparsed) + "</unparsed>\n";
}

std::string json_of(const LogRecord& record) {
  boost::json::object object;
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    if (!record.fields[i]) continue;
    const auto field = static_cast<LogField>(i);
    if (field == LogField::status || field == LogField::bytes) {
      object[log_field_names[i]] = base::parse_count(*record.fields[i], "number", 0, any_number);
    } else {
      object[log_field_names[i]] = base::to_xml_characters(*record.fields[i]);
    }
  }
  boost::json::array extra;
  for (auto field : record.extra) {
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"')
      field = field.substr(1, field.size() - 2);
    extra.emplace_back(base::to_xml_characters(field));
  }
  if (!extra.empty()) object[extra_name] = std::move(extra);
  return base::json_text(object) + "\n";
}

std::string json_of(const boost::json::object& record) { return base::json_text(record) + "\n"; }

std::string json_of(std::string_view unparsed) {
  return base::json_text({{"unparsed", base::to_xml_characters(unparsed)}}) + "\n";
}

}  // namespace

std::string_view opening_text(LogFormat format) {
  return format == LogFormat::xml ? "<hits>\n" : "";
}

std::string_view closing_text(LogFormat format) {
  return format == LogFormat::xml ? "</hits>\n" : "";
}

std::string record_text(const LogLine& line, LogFormat format) {
  auto text = line.text;
  if (format == LogFormat::line)
    return std::string(text) + (line.kind == LogLine::Kind::piece ? "" : "\n");
  if (line.kind != LogLine::Kind::piece && text.ends_with('\r')) text.remove_suffix(1);
  // Part of a line may look like a record, but its fields may be cut off.
  const auto shown = [format](const auto& record) {
    return format == LogFormat::xml ? xml_of(record) : json_of(record);
  };
  if (line.kind != LogLine::Kind::whole) return shown(text);
  if (const auto object = parse_json_record(text)) return shown(*object);
  if (const auto record = parse_log_record(text)) return shown(*record);
  return shown(text);
}

std::string missed_text(std::uint64_t count, LogFormat format) {
  constexpr std::array forms{"# missed {} records\n", "<missed count=\"{}\"/>\n",
                             "{{\"missed\":{}}}\n"};
  return fmt::format(fmt::runtime(forms.at(static_cast<std::size_t>(format))), count);
}

}  // namespace poetry::session
