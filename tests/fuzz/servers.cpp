// Lists of servers: refused with a UsageError that names the line, or no more tasks than there may
// be, each with a label and a text that stand on a line.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "poetry-get/server_list.hpp"
#include "property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace poetry;
  using poetry::fuzz::must_hold;
  const base::Fd file(::memfd_create("servers", MFD_CLOEXEC));
  must_hold(::write(file.get(), data, size) == static_cast<ssize_t>(size), "the file is written");
  get::GetOptions options;
  const auto path = options.from.emplace_back("/proc/self/fd/" + std::to_string(file.get()));
  try {
    const auto servers = get::listed_servers(options);
    must_hold(servers.size() <= get::max_tasks, "no more tasks than there may be");
    for (const auto& each : servers) {
      must_hold(each.where.port > 0 && !each.where.host.empty(), "a server has host and port");
      if (!each.details) continue;
      must_hold(each.details->label.find_first_of("\t\n#") == std::string::npos,
                "a label is one field");
      must_hold(!each.details->label.empty() || each.details->send, "details say something");
    }
  } catch (const base::UsageError& error) {
    must_hold(std::string(error.what()).starts_with(path + ":"), "the error names file and line");
  }
  return 0;
}
