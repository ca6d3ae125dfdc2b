#include "cli/replaced_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/check_report.hpp"
#include "cli/standard_output.hpp"

namespace poetry::cli {
namespace {

/// Raises std::system_error naming `path`, for which it stands in.
base::Fd open_for(const std::string& path, const std::string& file, int flags) {
  return base::opened(::open(file.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666), "write to", path);
}

}  // namespace

void check_replaceable(const std::string& path) {
  try_to_write(path);
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  if (std::filesystem::is_regular_file(path, error) && ::access(folder.c_str(), W_OK | X_OK) < 0)
    base::throw_errno("write to", path);
}

void replace_file(const std::string& path, std::string_view text) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode))
    return write_all(open_for(path, path, 0).get(), text, path);
  const std::string target = exists ? std::filesystem::canonical(path).string() : path;
  const std::string aside = target + "." + std::to_string(::getpid()) + ".part";
  base::Fd file = open_for(path, aside, O_CREAT | O_EXCL);
  try {
    write_all(file.get(), text, path);
    if (!file.close() || std::rename(aside.c_str(), target.c_str()) != 0)
      base::throw_errno("write to", path);
  } catch (...) {
    ::unlink(aside.c_str());
    throw;
  }
}

}  // namespace poetry::cli
