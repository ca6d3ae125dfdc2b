#include "cli/replaced_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/standard_output.hpp"

namespace poetry::cli {
namespace {

enum class FileKind { none, regular, other };

FileKind kind_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) return FileKind::none;
  return S_ISREG(status.st_mode) ? FileKind::regular : FileKind::other;
}

base::Fd open_for(const std::string& path, int flags) {
  return base::Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666));
}

/// A file that is removed unless it is kept.
class Draft {
 public:
  explicit Draft(std::string path) : path_(std::move(path)) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (!kept_) ::unlink(path_.c_str());
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  bool rename_to(const std::string& target) {
    kept_ = std::rename(path_.c_str(), target.c_str()) == 0;
    return kept_;
  }

 private:
  std::string path_;
  bool kept_ = false;
};

}  // namespace

void check_replaceable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) errno = EISDIR;
    if (S_ISDIR(status.st_mode) || ::access(path.c_str(), W_OK) < 0)
      base::throw_errno("write to", path);
    if (!S_ISREG(status.st_mode)) return;
  }
  auto directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  if (::access(directory.c_str(), W_OK | X_OK) < 0) base::throw_errno("write to", path);
}

void replace_file(const std::string& path, std::string_view text) {
  const FileKind kind = kind_of(path);
  if (kind == FileKind::other) {
    const base::Fd file = open_for(path, 0);
    if (!file) base::throw_errno("write to", path);
    write_all(file.get(), text, path);
    return;
  }
  const std::string target =
      kind == FileKind::none ? path : std::filesystem::canonical(path).string();
  const std::string aside = target + "." + std::to_string(::getpid()) + ".part";
  const base::Fd file = open_for(aside, O_CREAT | O_EXCL);
  if (!file) base::throw_errno("write to", path);
  Draft draft(aside);
  write_all(file.get(), text, path);
  if (!draft.rename_to(target)) base::throw_errno("write to", path);
}

}  // namespace poetry::cli
