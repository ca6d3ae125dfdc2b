// A page: it follows a process's feed of changes, and must come to know what the store has.
#pragma once

#include <map>
#include <string>

#include "poetry-sync/http/change_feed.hpp"

namespace poetry::sync::simulation {

class Page {
 public:
  explicit Page(store::Store& store) : store_(store), feed_(store) { follow(); }
  /// Looks what is new, and reads the events of it.
  void follow();
  /// How what it knows differs from the store; empty where it does not.
  std::string difference();

 private:
  void read(const std::string& event);
  store::Store& store_;
  http::ChangeFeed feed_;
  std::uint64_t next_ = 0;
  std::map<std::int64_t, std::string> known_;  // a record's JSON by its id
};

}  // namespace poetry::sync::simulation
