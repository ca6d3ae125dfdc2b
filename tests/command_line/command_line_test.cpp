#include "cli/command_line.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/temporary_file.hpp"

namespace poetry::cli {
namespace {

struct Settings {
  base::Duration delay{0};
  bool quiet = false;
  std::vector<std::string> serve;
  std::vector<std::string> operands;
  LogOptions log;
};

Parsed run(Settings& settings, std::vector<const char*> words) {
  Tool tool;
  tool.name = "tool";
  tool.operand_set = [&](std::string_view text) { settings.operands.emplace_back(text); };
  const auto none = [] { return std::vector<std::string>{}; };
  tool.options = {{"delay", 'd', "DUR", "", "", into(settings.delay), none},
                  {"quiet", 'q', "", "", "", into(settings.quiet), none},
                  {"serve", 's', "WHAT", "", "",
                   [&](std::string_view text) { settings.serve.emplace_back(text); }, none}};
  add_common_options(tool, settings.log);
  words.insert(words.begin(), "tool");
  return parse(tool, static_cast<int>(words.size()), words.data());
}

std::string complaint(std::vector<const char*> words) {
  Settings settings;
  try {
    run(settings, std::move(words));
  } catch (const base::UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(CommandLine, TakesGnuForms) {
  Settings settings;
  run(settings, {"-qd", "2s", "--serve=a", "-sb", "one", "--", "--delay"});
  EXPECT_TRUE(settings.quiet);
  EXPECT_EQ(settings.delay, std::chrono::seconds(2));
  EXPECT_EQ(settings.serve, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(settings.operands, (std::vector<std::string>{"one", "--delay"}));
}

TEST(CommandLine, NamesTheOffender) {
  EXPECT_EQ(complaint({"--nonsense"}), "unknown option: --nonsense");
  EXPECT_EQ(complaint({"--del", "1s"}), "unknown option: --del");
  EXPECT_EQ(complaint({"--dealy", "1s"}), "unknown option (did you mean --delay?): --dealy");
  EXPECT_EQ(complaint({"--delay"}), "option needs an argument: --delay");
  EXPECT_EQ(complaint({"--quiet=1"}), "option takes no argument: --quiet");
  EXPECT_EQ(complaint({"--delay", "1x"}),
            "--delay: unknown unit of a duration (valid: h, m, s, ms, us, ns): 1x");
  EXPECT_EQ(complaint({"--delay", "-1"}), "--delay: duration is negative: -1");
}

TEST(CommandLine, TheCommandLineWinsOverTheConfigFile) {
  const support::TemporaryFile file(
      "# a comment\n\n delay = 3s \nserve = a\nserve=b\nquiet = true\n");
  Settings settings;
  run(settings, {"--config", file.path().c_str()});
  EXPECT_EQ(settings.delay, std::chrono::seconds(3));
  EXPECT_EQ(settings.serve, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(settings.quiet);
  Settings overridden;
  run(overridden, {"--config", file.path().c_str(), "-s", "c", "--delay=1"});
  EXPECT_EQ(overridden.delay, std::chrono::seconds(1));
  EXPECT_EQ(overridden.serve, std::vector<std::string>{"c"});
}

TEST(CommandLine, AConfigErrorNamesFileAndLine) {
  for (const auto& [text, expected] : std::initializer_list<std::pair<const char*, const char*>>{
           {"delay = 1s\ncolour = red", ":2: unknown key: colour"},
           {"delay", ":1: not 'name = value': delay"},
           {"\ndelay = x", ":2: delay: not a duration: x"},
           {"help = true", ":1: unknown key: help"},
           {"deley = 1s", ":1: unknown key (did you mean delay?): deley"}}) {
    const support::TemporaryFile file(text);
    EXPECT_EQ(complaint({"--config", file.path().c_str()}), file.path() + expected);
  }
}

}  // namespace
}  // namespace poetry::cli
