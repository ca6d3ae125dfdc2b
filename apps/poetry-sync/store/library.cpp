#include "store/library.hpp"

#include "base/error.hpp"
#include "base/shown_text.hpp"
#include "base/utf8.hpp"
#include "net/address.hpp"

namespace poetry::sync::store {
namespace {

constexpr std::size_t longest_name = 200;

}  // namespace

SyncRecord add_record(Store& store, RecordType type, const std::string& address,
                      const std::string& name) {
  if (name.size() > longest_name) throw base::UsageError("name longer than 200 bytes", name);
  const auto where = net::to_string(net::parse_host_port(address));
  if (base::to_utf8(base::shown_text(where)) != where) {
    throw base::UsageError("not an address [HOST:]PORT", address);
  }
  return store.add(type, where, base::to_utf8(base::shown_text(name.empty() ? where : name)));
}

}  // namespace poetry::sync::store
