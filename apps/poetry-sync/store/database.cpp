#include "store/database.hpp"

#include "base/error.hpp"

namespace poetry::sync::store {

std::string secret_in(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return {};
  const auto begin = scheme + 3;
  const auto authority = url.substr(begin, url.find_first_of("/?", begin) - begin);
  const auto at = authority.rfind('@');
  const auto colon = authority.find(':');
  if (at == std::string::npos || colon >= at) return {};
  return authority.substr(colon + 1, at - colon - 1);
}

std::unique_ptr<Database> open_database(const std::string& url) {
  constexpr std::string_view file = "sqlite:";
  if (url.starts_with(file) && url.size() > file.size()) {
    return open_sqlite(url.substr(file.size()));
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return open_postgres(url);
  auto shown = url;
  const auto secret = secret_in(url);
  if (!secret.empty()) shown.replace(shown.find(":" + secret + "@") + 1, secret.size(), "***");
  throw base::UsageError("not a database (sqlite:PATH or postgresql://...)", shown);
}

}  // namespace poetry::sync::store
