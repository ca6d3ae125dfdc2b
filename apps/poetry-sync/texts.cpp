// The commands that print what was stored, or write it to files.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/algorithm/string/classification.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <system_error>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"
#include "commands.hpp"

namespace poetry::sync {
namespace {

/// "001-Ecstasy.txt": it leads nowhere else, is not hidden, and means nothing to a shell.
std::string file_name(std::int64_t number, const std::string& name, const std::string& ending) {
  constexpr std::size_t longest = 200;  // of the 255 bytes (NAME_MAX) that it has with its ending
  auto text = fmt::format("{:03}-{}", number, base::shown_utf8(name));
  const auto is_plain = boost::is_alnum() || boost::is_any_of("._-");
  std::ranges::replace_if(text, boost::is_from_range('\0', '\x7f') && !is_plain, '_');
  text = base::shown_utf8(text.substr(0, longest));
  return text.ends_with(ending) ? text : text + ending;
}

base::Fd open_folder(int within, const std::string& name, int flags) {
  const int all = O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags;
  return base::opened(::openat(within, name.c_str(), all), "open", name);
}

/// Hands the bytes of a text over piece by piece.
void pass_on(const std::function<std::string()>& more, const auto& take) {
  for (auto bytes = more(); !bytes.empty(); bytes = more()) take(bytes);
}

/// The text becomes the file once it is whole. A link of that name is replaced, not followed.
void write_file(int folder, const std::string& name, const std::function<std::string()>& more) {
  const auto aside = fmt::format(".{}.part", ::getpid());
  ::unlinkat(folder, aside.c_str(), 0);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  auto file = base::opened(::openat(folder, aside.c_str(), flags, 0666), "write to", name);
  try {
    pass_on(more, [&](const auto& bytes) { cli::write_all(file.get(), bytes, name); });
    if (!file.close() || ::renameat(folder, aside.c_str(), folder, name.c_str()) < 0)
      base::throw_errno("write to", name);
  } catch (...) {
    ::unlinkat(folder, aside.c_str(), 0);
    throw;
  }
}

}  // namespace

int print_text(const SyncOptions& options, store::Store& store) {
  const auto& name = options.poem;
  const auto [job, parts] = store.text(store::parse_id(options.operands[0]));
  base::HarmlessText harmless;
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  bool found = job != 0 && name.empty();
  for (const auto& part : parts) {
    if (!name.empty() && part.name != name && part.address != name) continue;
    found = true;
    pass_on(store.read({job, {part}}), [&](std::string_view bytes) {
      cli::write_standard_output(terminal ? harmless.pass(bytes) : bytes);
    });
  }
  if (found) return cli::exit_ok;
  throw std::runtime_error("record " + options.operands[0] +
                           (job == 0 ? " is not synced yet" : " has no such poem: " + name));
}

int export_texts(const SyncOptions& options, store::Store& store) {
  const auto& directory = options.operands[0];
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw std::system_error(error, "make directory " + directory);
  const auto folder = open_folder(AT_FDCWD, directory, 0);
  std::size_t count = 0;
  for (const auto& record : store.records()) {
    const auto [job, parts] = store.text(record.id);
    if (job == 0) continue;
    const bool several = record.type == store::RecordType::collection;
    const auto name = file_name(record.id, record.name, several ? "" : ".txt");
    if (several && ::mkdirat(folder.get(), name.c_str(), 0777) < 0 && errno != EEXIST)
      base::throw_errno("make directory", name);
    const auto own = several ? open_folder(folder.get(), name, O_NOFOLLOW) : base::Fd();
    for (const auto& part : parts) {
      write_file(several ? own.get() : folder.get(),
                 several ? file_name(part.number + 1, part.name, ".txt") : name,
                 store.read({job, {part}}));
    }
    ++count;
  }
  cli::write_standard_output("exported " + base::counted(count, "record") + "\n");
  return cli::exit_ok;
}

}  // namespace poetry::sync
