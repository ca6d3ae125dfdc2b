// The page's own files, as responses. Free functions.
#pragma once

#include <optional>

#include "http/message.hpp"

namespace poetry::sync::http {

/// The file at a request's path, or 304 where the browser has this very one. None where no file is
/// there.
std::optional<Response> static_file(const Request& request);

}  // namespace poetry::sync::http
