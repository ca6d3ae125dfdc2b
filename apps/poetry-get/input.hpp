// What the options name and is read before anything is fetched: files, standard input, texts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "options.hpp"

namespace poetry::get {

/// Hands over what a file holds, or standard input for "-", piece by piece, waiting where it is
/// non-blocking. Raises std::system_error naming it.
void read_pieces(const std::string& path, const std::function<void(std::string_view)>& take);

/// What messages call it.
std::string input_name(const std::string& path);

/// What to send: the file's bytes or the text with its escapes replaced; none where not asked for.
/// Raises std::system_error naming the file, UsageError naming the escape, or the file where it is
/// too large to be held.
std::optional<std::string> read_send(const GetOptions& options);

}  // namespace poetry::get
