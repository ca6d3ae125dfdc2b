// Bytes of any origin as text that XML can carry. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace poetry::base {

/// valid_utf8(), and U+FFFD in place of each character outside the production Char of XML 1.0.
std::string to_xml_characters(std::string_view bytes);

/// The same as content or in an attribute between double quotes, where white space other than a
/// space would otherwise be normalized (XML 1.0, sections 2.11 and 3.3.3).
std::string xml_escaped(std::string_view bytes);

}  // namespace poetry::base
