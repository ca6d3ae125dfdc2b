// What clients of a log read, by format: the line as it is, an XML document, or JSON objects, one a
// line. Pure functions of what the log has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "session/line_splitter.hpp"

namespace poetry::session {

enum class LogFormat { line, xml, json };

/// The whole stream is opening_text(), records and markers, closing_text(); each of them is whole
/// lines, except that in LogFormat::line a piece of a longer line has no newline.
std::string_view opening_text(LogFormat format);
std::string_view closing_text(LogFormat format);

/// One record. In LogFormat::line its bytes are the log's. The others take fields from a whole line
/// of the Common or Combined Log Format, its CRLF or newline left off, and give any other line as
/// unparsed; what is no UTF-8 or no character of XML becomes U+FFFD.
std::string record_text(const LogLine& line, LogFormat format);

/// Stands in for `count` records that a slow client lost.
std::string missed_text(std::uint64_t count, LogFormat format);

}  // namespace poetry::session
