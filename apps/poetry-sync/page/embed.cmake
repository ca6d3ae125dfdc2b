# Writes OUTPUT, a C++ source that defines the page's files in FOLDER as bytes (see assets.hpp).
set(types
    html "text/html; charset=utf-8"
    css "text/css; charset=utf-8"
    js "text/javascript; charset=utf-8"
    svg "image/svg+xml")
set(text "#include \"page/assets.hpp\"\n\n#include <array>\n\nnamespace poetry::sync::page {\nnamespace {\n\n")
set(table "")
foreach(name IN LISTS FILES)
  string(MAKE_C_IDENTIFIER "${name}" id)
  string(REGEX REPLACE ".*\\." "" ending "${name}")
  list(FIND types ${ending} at)
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  set(path "/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  file(READ "${FOLDER}/${name}" hex HEX)
  file(SHA256 "${FOLDER}/${name}" digest)
  string(SUBSTRING "${digest}" 0 16 tag)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND text "const char ${id}[] = {${bytes}};\n")
  string(APPEND table "    Asset{\"${path}\", \"${type}\", {${id}, ${size}}, \"\\\"${tag}\\\"\"},\n")
endforeach()
string(APPEND text "\n}  // namespace\n\nstd::span<const Asset> assets() {\n"
                   "  static const std::array all{\n${table}  };\n  return all;\n}\n\n}  // namespace poetry::sync::page\n")
file(WRITE "${OUTPUT}" "${text}")
