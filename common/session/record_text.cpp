#include "session/record_text.hpp"

#include <boost/json/object.hpp>
#include <limits>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "base/xml.hpp"
#include "session/log_record.hpp"

namespace poetry::session {
namespace {

constexpr auto any_number = std::numeric_limits<std::uint64_t>::max();

std::string xml_of(const LogRecord& record) {
  std::string text = "<hit";
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    if (!record.fields[i]) continue;
    text.append(" ").append(log_field_names[i]).append("=\"");
    text.append(base::xml_escaped(*record.fields[i])).append("\"");
  }
  return text += "/>\n";
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
  return base::json_text(object) + "\n";
}

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
  if (format == LogFormat::line) {
    return std::string(text) + (line.kind == LogLine::Kind::piece ? "" : "\n");
  }
  if (line.kind != LogLine::Kind::piece && text.ends_with('\r')) text.remove_suffix(1);
  // Part of a line may look like a record, but its fields may be cut off.
  const auto record = line.kind == LogLine::Kind::whole ? parse_log_record(text) : std::nullopt;
  if (format == LogFormat::xml) return record ? xml_of(*record) : xml_of(text);
  return record ? json_of(*record) : json_of(text);
}

std::string missed_text(std::uint64_t count, LogFormat format) {
  const auto number = std::to_string(count);
  switch (format) {
    case LogFormat::xml:
      return "<missed count=\"" + number + "\"/>\n";
    case LogFormat::json:
      return "{\"missed\":" + number + "}\n";
    default:
      return "# missed " + number + " records\n";
  }
}

}  // namespace poetry::session
