#include "support/postgres_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <pqxx/pqxx>
#include <stdexcept>
#include <vector>

#include "base/fd.hpp"

namespace poetry::support {
namespace {

constexpr id_t nobody = 65534;

/// The newest version's directory of programs.
std::string programs() {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& each : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const auto bin = each.path() / "bin";
    if (std::filesystem::exists(bin / "postgres")) found.push_back(bin);
  }
  if (found.empty()) throw std::runtime_error("PostgreSQL is missing: install package postgresql");
  return *std::max_element(found.begin(), found.end()) + "/";
}

/// Its standard output and error go to `output`. It runs without root's rights, which PostgreSQL
/// refuses, and ends with this process.
pid_t start(const std::vector<std::string>& command, int output) {
  std::vector<char*> words;
  for (const auto& each : command) words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  const auto child = ::fork();
  if (child != 0) return child;
  const bool dropped = ::geteuid() != 0 || (::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 &&
                                            ::setuid(nobody) == 0);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  if (dropped && ::chdir("/") == 0) ::execv(words.front(), words.data());
  ::_exit(127);
}

std::string read_some(int fd) {
  std::array<char, 4096> buffer{};
  ssize_t count = -1;
  do {
    count = ::read(fd, buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

std::string read_all(int fd) {
  std::string all;
  for (auto some = read_some(fd); !some.empty(); some = read_some(fd)) all += some;
  return all;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    read = base::Fd(ends[0]);
    write = base::Fd(ends[1]);
  }
  base::Fd read;
  base::Fd write;
};

void make_cluster(const std::string& data) {
  Pipe pipe;
  const auto child = start({programs() + "initdb", "--no-sync", "--auth=trust", "--username=poet",
                            "--encoding=UTF8", "--locale=C.UTF-8", "-D", data},
                           pipe.write.get());
  pipe.write = base::Fd();
  const auto said = read_all(pipe.read.get());
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("initdb: " + said);
}

}  // namespace

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

PostgresServer::PostgresServer() {
  if (::geteuid() == 0 && ::chown(folder_.path().c_str(), nobody, nobody) != 0) {
    throw std::runtime_error("chown " + folder_.path());
  }
  make_cluster(folder_ / "data");
  begin();
}

PostgresServer::~PostgresServer() { stop(SIGQUIT); }

void PostgresServer::begin() {
  Pipe pipe;
  // What the tests ask of it needs to outlive nothing, so that it need not wait for the disk.
  pid_ = start({programs() + "postgres", "-D", folder_ / "data", "-k", folder_.path(), "-c",
                "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"},
               pipe.write.get());
  pipe.write = base::Fd();
  wait_until_ready(pipe.read.get());
  log_ = std::thread([log = std::move(pipe.read)] { read_all(log.get()); });
}

void PostgresServer::stop(int signal) {
  ::kill(pid_, signal);
  ::waitpid(pid_, nullptr, 0);
  if (log_.joinable()) log_.join();  // until its last process has ended
}

void PostgresServer::restart(int signal) {
  stop(signal);
  begin();
}

void PostgresServer::wait_until_ready(int log) {
  std::string said;
  while (said.find("ready to accept connections") == std::string::npos) {
    const auto some = read_some(log);
    if (some.empty()) throw std::runtime_error("postgres: " + said);
    said += some;
  }
}

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://poet@/" + database + "?host=" + folder_.path();
}

std::string PostgresServer::make_database() {
  const auto name = "test" + std::to_string(++databases_);
  pqxx::connection connection(url("postgres"));
  pqxx::nontransaction transaction(connection);
  transaction.exec("CREATE DATABASE " + name);
  return url(name);
}

}  // namespace poetry::support
