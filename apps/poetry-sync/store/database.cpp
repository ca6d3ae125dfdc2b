#include "store/database.hpp"

#include <boost/algorithm/string/replace.hpp>
#include <boost/regex.hpp>
#include <cstdlib>

#include "base/error.hpp"

namespace poetry::sync::store {

std::string without_passwords(std::string text, const std::string& url) {
  static const boost::regex password("://[^:/?@]*:([^/?]*)@|[?&](?:ssl)?password=([^&]*)",
                                     boost::regex::icase);
  const bool is_url = text == url;  // in which other words may be the same
  for (auto at = boost::sregex_iterator(url.begin(), url.end(), password);
       at != boost::sregex_iterator(); ++at) {
    const auto& match = *at;
    const auto secret = match[match[1].matched ? 1 : 2].str();
    if (secret.empty()) continue;
    boost::replace_all(text, ":" + secret + "@", ":***@");
    boost::replace_all(text, "=" + secret, "=***");
    if (!is_url) boost::replace_all(text, secret, "***");
  }
  return text;
}

std::string default_database() {
  const auto absolute = [](const char* name) -> std::string {
    const char* const path = std::getenv(name);
    return path != nullptr && path[0] == '/' ? path : "";
  };
  auto state = absolute("XDG_STATE_HOME");  // the specification wants relative ones passed over
  if (state.empty() && !absolute("HOME").empty()) state = absolute("HOME") + "/.local/state";
  return state.empty() ? "" : "sqlite:" + state + "/poetry-sync/library.db";
}

std::unique_ptr<Database> open_database(const std::string& url) {
  constexpr std::string_view file = "sqlite:";
  if (url.starts_with(file) && url.size() > file.size())
    return open_sqlite(url.substr(file.size()));
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return open_postgres(url);
  throw base::UsageError("not a database (sqlite:PATH or postgresql://...)",
                         without_passwords(url, url));
}

}  // namespace poetry::sync::store
