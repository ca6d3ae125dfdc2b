// The page's files, which are part of the program.
#pragma once

#include <span>
#include <string_view>

namespace poetry::sync::page {

struct Asset {
  std::string_view path;  ///< "/app.js"
  std::string_view type;  ///< of its content
  std::string_view bytes;
  std::string_view tag;  ///< that changes with it, in quotes (ETag)
};

/// All of them; made from this folder's by the build.
std::span<const Asset> assets();

}  // namespace poetry::sync::page
