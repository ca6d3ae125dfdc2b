// Bytes of any origin as text that XML and JSON can carry: well-formed UTF-8 of XML's characters.
#pragma once

#include <string>
#include <string_view>

namespace poetry {

/// `bytes` with U+FFFD in place of all that is no UTF-8, one for each maximal subpart of an
/// ill-formed sequence (The Unicode Standard, section 3.9, "U+FFFD Substitution of Maximal
/// Subparts"), and of each character outside the production Char of XML 1.0.
std::string to_xml_characters(std::string_view bytes);

}  // namespace poetry
