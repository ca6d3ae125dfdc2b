// Where text goes piece by piece: the poems' one stream, a report's file, a pipe.
#pragma once

#include <functional>
#include <string_view>

namespace poetry::get::output {

/// What it raises ends the work of who calls it.
using Sink = std::function<void(std::string_view)>;

}  // namespace poetry::get::output
