#include "files.hpp"

#include <fcntl.h>

#include <filesystem>
#include <memory>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/replaced_file.hpp"
#include "cli/standard_output.hpp"
#include "output/output.hpp"

namespace poetry::get {
namespace {

output::Sink sink_to(const std::string& path) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const auto file = std::make_shared<base::Fd>(::open(path.c_str(), flags, 0666));
  if (!*file) base::throw_errno("write to", path);
  return [file, path](std::string_view bytes) { cli::write_all(file->get(), bytes, path); };
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

}  // namespace

bool is_file(const std::string& path) { return !path.empty() && path != "-"; }

void check_distinct(const GetOptions& options) {
  const bool both = !options.output.empty() && !options.report_file.empty();
  if (both && are_one_file(options.output, options.report_file)) {
    throw base::UsageError("--output and --report-file are one file", options.report_file);
  }
}

Files::Files(const GetOptions& options)
    : report(options.report_file == "-" ? cli::write_standard_output : cli::write_standard_error) {
  check_distinct(options);
  base::with_remedy(base::path_remedy, [&] {
    if (is_file(options.output)) poems = sink_to(options.output);
    if (is_file(options.report_file)) report = sink_to(options.report_file);
    if (!options.output_dir.empty()) output::prepare_directory(options.output_dir);
    if (is_file(options.timeline_svg)) cli::check_replaceable(options.timeline_svg);
    nowhere = sink_to("/dev/null");
  });
}

}  // namespace poetry::get
