#include "database.hpp"

#include "base/error.hpp"

namespace poetry {

std::unique_ptr<Database> open_database(const std::string& url) {
  constexpr std::string_view file = "sqlite:";
  if (url.starts_with(file) && url.size() > file.size()) {
    return open_sqlite(url.substr(file.size()));
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return open_postgres(url);
  throw UsageError("not a database (sqlite:PATH or postgresql://...)", url);
}

}  // namespace poetry
