#include "cli/check_report.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"

namespace poetry::cli {
namespace {

void print(std::string_view mark, std::string_view what, std::string_view remedy) {
  auto text = std::string(mark).append(what).append("\n");
  if (!remedy.empty()) text.append("      ").append(remedy).append("\n");
  write_standard_output(text);
}

}  // namespace

void CheckReport::works(std::string_view what) { print("ok    ", what, {}); }

void CheckReport::warns(std::string_view what, std::string_view remedy) {
  print("warn  ", what, remedy);
}

void CheckReport::fails(std::string_view what, std::string_view remedy) {
  ++failures_;
  print("FAIL  ", what, remedy);
}

void CheckReport::tries(std::string_view what, const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const base::Failure& failure) {
    return fails(failure.what(), failure.remedy());
  } catch (const std::exception& error) {
    return fails(error.what(), base::path_remedy);
  }
  works(what);
}

int CheckReport::finish() {
  write_standard_output((failures_ == 0 ? "nothing" : base::counted(failures_, "thing")) +
                        " would fail\n");
  return failures_ == 0 ? exit_ok : exit_failure;
}

void try_to_write(const std::string& path) {
  const std::filesystem::path file(path);
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  std::error_code error;
  const bool exists = std::filesystem::exists(file, error);
  errno = EISDIR;
  if (exists ? std::filesystem::is_directory(file, error) || ::access(path.c_str(), W_OK) < 0
             : ::access(folder.c_str(), W_OK | X_OK) < 0) {
    base::throw_errno("write to", path);
  }
}

void try_to_make_directory(const std::string& path) {
  std::error_code error;
  auto nearest = std::filesystem::absolute(path, error);
  while (!std::filesystem::exists(nearest, error) && nearest.has_relative_path())
    nearest = nearest.parent_path();
  errno = ENOTDIR;
  if (!std::filesystem::is_directory(nearest, error) ||
      ::access(nearest.c_str(), W_OK | X_OK) < 0) {
    base::throw_errno("write to", path);
  }
}

}  // namespace poetry::cli
