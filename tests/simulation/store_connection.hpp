// A connection to PostgreSQL that can be asked whether it has its answer, which libpqxx's cannot.
#pragma once

#include <libpq-fe.h>
#include <poll.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "poetry-sync/store/postgres_values.hpp"

namespace poetry::sync::simulation {

struct Finish {
  void operator()(PGconn* each) const { ::PQfinish(each); }
  void operator()(PGresult* each) const { ::PQclear(each); }
};
using Result = std::unique_ptr<PGresult, Finish>;

struct Field {
  const PGresult* result;
  int row;
  int column;
  [[nodiscard]] bool is_null() const { return ::PQgetisnull(result, row, column) != 0; }
  [[nodiscard]] const char* c_str() const { return ::PQgetvalue(result, row, column); }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(::PQgetlength(result, row, column));
  }
  [[nodiscard]] unsigned type() const { return ::PQftype(result, column); }
  template <typename Number>
  [[nodiscard]] Number as() const {
    return std::stoll(c_str());
  }
};

inline store::Rows rows_of(const PGresult* result) {
  store::Rows rows;
  for (int i = 0; i < ::PQntuples(result); ++i) {
    std::vector<store::Value> row;
    for (int k = 0; k < ::PQnfields(result); ++k)
      row.push_back(store::value_of(Field{result, i, k}));
    rows.emplace_back(std::move(row));
  }
  return rows;
}

inline void raise_if_failed(const Result& result, const std::string& sql) {
  const std::string why = ::PQresultErrorMessage(result.get());
  if (!why.empty()) throw std::runtime_error(sql + ": " + why);
}

class Connection {
 public:
  Connection(const std::string& url, const std::string& schema) : raw_(::PQconnectdb(url.c_str())) {
    if (::PQstatus(raw_.get()) != CONNECTION_OK)
      throw std::runtime_error(::PQerrorMessage(raw_.get()));
    ::PQsetNoticeProcessor(
        raw_.get(), [](void*, const char*) {}, nullptr);
    run("SET search_path TO " + schema);
  }

  /// A statement is prepared once; what differs from time to time is to be a value.
  void send(const std::string& sql, std::span<const store::Value> values) {
    std::vector<std::optional<std::string>> texts;
    std::vector<const char*> pointers;
    for (const auto& each : values) texts.push_back(store::text_of(each));
    for (const auto& each : texts) pointers.push_back(each ? each->c_str() : nullptr);
    const auto [named, is_new] = names_.try_emplace(sql, "s" + std::to_string(names_.size()));
    const auto& name = named->second;
    if (is_new)
      raise_if_failed(Result{::PQprepare(raw_.get(), name.c_str(), sql.c_str(), 0, nullptr)}, sql);
    if (::PQsendQueryPrepared(raw_.get(), name.c_str(), static_cast<int>(pointers.size()),
                              pointers.data(), nullptr, nullptr, 0) == 0)
      throw std::runtime_error(::PQerrorMessage(raw_.get()));
    is_asked_ = true;
  }
  /// Whether result() returns at once. Looks for so long.
  bool is_answered(int ms) {
    ::PQconsumeInput(raw_.get());
    if (::PQisBusy(raw_.get()) == 0) return true;
    pollfd news{::PQsocket(raw_.get()), POLLIN, 0};
    ::poll(&news, 1, ms);
    ::PQconsumeInput(raw_.get());
    return ::PQisBusy(raw_.get()) == 0;
  }
  Result result() {
    Result last;
    while (Result each{::PQgetResult(raw_.get())}) last = std::move(each);
    is_asked_ = false;
    return last;
  }
  /// Raises where it fails, and waits for nobody.
  Result run(const std::string& sql, std::span<const store::Value> values = {}) {
    send(sql, values);
    auto found = result();
    raise_if_failed(found, sql);
    return found;
  }
  void cancel() {
    if (!is_asked_) return;
    auto* const asked = ::PQgetCancel(raw_.get());
    std::string why(256, '\0');
    ::PQcancel(asked, why.data(), static_cast<int>(why.size()));
    ::PQfreeCancel(asked);
    result();
  }
  [[nodiscard]] int pid() const { return ::PQbackendPID(raw_.get()); }

 private:
  std::unique_ptr<PGconn, Finish> raw_;
  std::map<std::string, std::string> names_;  // of what is prepared
  bool is_asked_ = false;
};

}  // namespace poetry::sync::simulation
