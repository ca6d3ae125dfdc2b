#include "files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.hpp"
#include "cli/replaced_file.hpp"
#include "cli/standard_output.hpp"
#include "output/output.hpp"

namespace poetry::get {
namespace {

base::Fd open_for_writing(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) base::throw_errno("write to", path);
  return file;
}

/// Whether two paths lead to one file, also one that is not there yet.
bool are_one_file(const std::string& one, const std::string& other) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(one, error) && fs::exists(other, error)) {
    const bool keeps_what_it_gets = fs::is_regular_file(one, error);
    return keeps_what_it_gets && fs::equivalent(one, other, error);
  }
  const auto full = [&error](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(path, error), error);
  };
  return full(one) == full(other) && !error;
}

output::Sink sink_to(int fd, std::string_view name) {
  return [fd, name](std::string_view bytes) { cli::write_all(fd, bytes, name); };
}

}  // namespace

bool is_file(const std::string& path) { return !path.empty() && path != "-"; }

void check_distinct(const GetOptions& options) {
  const bool both = !options.output.empty() && !options.report_file.empty();
  if (both && are_one_file(options.output, options.report_file)) {
    throw base::UsageError("--output and --report-file are one file", options.report_file);
  }
}

Files::Files(const GetOptions& options) : options_(options) {
  check_distinct(options);
  base::with_remedy(base::path_remedy, [&] {
    if (is_file(options.output)) output_ = open_for_writing(options.output);
    if (is_file(options.report_file)) report_ = open_for_writing(options.report_file);
    if (!options.output_dir.empty()) output::prepare_directory(options.output_dir);
    if (is_file(options.timeline_svg)) cli::check_replaceable(options.timeline_svg);
    nowhere_ = open_for_writing("/dev/null");
  });
}

output::Sink Files::poems() const { return sink_to(output_.get(), options_.output); }

output::Sink Files::nowhere() const { return sink_to(nowhere_.get(), "/dev/null"); }

output::Sink Files::report() const {
  if (options_.report_file == "-") return sink_to(STDOUT_FILENO, "standard output");
  return report_ ? sink_to(report_.get(), options_.report_file)
                 : sink_to(STDERR_FILENO, "standard error");
}

}  // namespace poetry::get
