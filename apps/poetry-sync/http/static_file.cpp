#include "http/static_file.hpp"

#include <algorithm>

#include "page/assets.hpp"

namespace poetry::sync::http {

std::optional<Response> static_file(const Request& request) {
  const auto all = page::assets();
  const auto asset = std::ranges::find(all, request.path(), &page::Asset::path);
  if (asset == all.end()) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") return method_not_allowed("GET, HEAD");
  const bool known = request.if_none_match == asset->tag;
  Response response{.status = known ? 304U : 200U, .type = std::string(asset->type)};
  response.fields.emplace_back("Cache-Control", "no-cache");
  response.fields.emplace_back("ETag", asset->tag);
  if (!known) response.body = asset->bytes;
  return response;
}

}  // namespace poetry::sync::http
