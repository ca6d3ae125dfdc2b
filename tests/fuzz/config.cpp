// Configuration files: read, or refused with a UsageError that names the file and a line.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/command_line.hpp"
#include "property.hpp"

namespace {

/// A table with an option of each kind.
struct Settings {
  bool flag = false;
  std::string text;
  poetry::base::Duration duration{};
  std::uint64_t count = 0;
  std::string choice = "one";
  poetry::cli::LogOptions log;
};

poetry::cli::Tool tool_for(Settings& settings) {
  const auto shown = [] { return std::vector<std::string>{}; };
  poetry::cli::Tool tool;
  tool.name = "fuzzed";
  tool.options = {{"flag", 'f', "", "", "", poetry::cli::into(settings.flag), shown},
                  {"text", 0, "TEXT", "", "", poetry::cli::into(settings.text), shown},
                  {"duration", 'd', "DUR", "", "", poetry::cli::into(settings.duration), shown},
                  {"count", 'n', "N", "", "", poetry::cli::into(settings.count, 1, 1000), shown},
                  {"choice", 0, "one|two", "", "",
                   poetry::cli::one_of(settings.choice, {"one", "two"}), shown}};
  poetry::cli::add_common_options(tool, settings.log);
  return tool;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry;
  using base::UsageError;
  using poetry::fuzz::must_hold;
  const base::Fd file(::memfd_create("config", MFD_CLOEXEC));
  must_hold(::write(file.get(), data, size) == static_cast<ssize_t>(size), "the file is written");
  const auto path = "/proc/self/fd/" + std::to_string(file.get());
  const std::array<const char*, 3> command{"fuzzed", "--config", path.c_str()};
  Settings settings;
  try {
    cli::parse(tool_for(settings), static_cast<int>(command.size()), command.data());
    must_hold(settings.count <= 1000, "a count keeps its bounds");
    must_hold(settings.choice == "one" || settings.choice == "two", "a choice is a valid one");
  } catch (const UsageError& error) {
    must_hold(std::string(error.what()).starts_with(path + ":"), "the error names file and line");
  }
  return 0;
}
