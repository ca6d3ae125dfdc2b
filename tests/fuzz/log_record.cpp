// A line of a web server's log, as XML and JSON: one sound line, whatever it is.
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>

#include "property.hpp"
#include "session/log_record.hpp"
#include "session/record_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry::session;
  using poetry::fuzz::must_hold;
  std::string line(data, data + size);
  std::erase(line, '\n');
  const auto json = record_text({line, LogLine::Kind::whole}, LogFormat::json);
  must_hold(json.find('\n') + 1 == json.size(), "a record is a line");
  must_hold(boost::json::parse(json).is_object(), "a record is an object");
  const auto xml = record_text({line, LogLine::Kind::whole}, LogFormat::xml);
  must_hold(xml.find('\n') + 1 == xml.size(), "a record is a line");
  must_hold(xml.starts_with("<hit") || xml.starts_with("<unparsed>"), "a record is an element");
  if (const auto record = parse_log_record(line)) {
    for (const auto& field : record->fields) {
      if (field && !field->empty())
        must_hold(line.find(*field) != std::string::npos, "a field is a part of its line");
    }
  }
  return 0;
}
