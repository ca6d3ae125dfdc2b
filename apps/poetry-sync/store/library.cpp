#include "store/library.hpp"

#include "base/error.hpp"
#include "base/shown_text.hpp"
#include "base/utf8.hpp"
#include "net/address.hpp"

namespace poetry {
namespace {

constexpr std::size_t longest_name = 200;

}  // namespace

SyncRecord add_record(Store& store, RecordType type, const std::string& address,
                      const std::string& name) {
  if (name.size() > longest_name) throw UsageError("name longer than 200 bytes", name);
  const auto where = to_string(parse_host_port(address));
  if (to_utf8(shown_text(where)) != where) {
    throw UsageError("not an address [HOST:]PORT", address);
  }
  return store.add(type, where, to_utf8(shown_text(name.empty() ? where : name)));
}

}  // namespace poetry
