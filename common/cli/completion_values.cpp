#include "cli/completion_values.hpp"

#include <algorithm>

namespace poetry::cli {

void add_word(std::string& words, std::string_view word) {
  words.append(words.empty() ? "" : " ").append(word);
}

OptionValues completion_of(const Option& option) {
  OptionValues completion;
  for (const auto& word : option.words) add_word(completion.words, word);
  const std::string_view argument = option.argument;
  if (completion.words.empty() && argument.find('|') != std::string_view::npos) {
    for (std::size_t at = 0; at <= argument.size();) {
      const auto end = std::min(argument.find('|', at), argument.size());
      const auto word = argument.substr(at, end - at);
      if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos) {
        add_word(completion.words, word);
      }
      at = end + 1;
    }
  }
  completion.values = argument.empty()            ? Values::none
                      : !completion.words.empty() ? Values::words
                      : argument == "FILE"        ? Values::file
                      : argument == "DIR"         ? Values::directory
                                                  : Values::other;
  return completion;
}

}  // namespace poetry::cli
