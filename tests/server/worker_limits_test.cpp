// Limits read from files like the kernel's. The descriptors are this process's own.
#include "poetry-server/worker_limits.hpp"

#include "support/roomy_machine.hpp"

namespace poetry::server {
namespace {

class WorkerLimits : public support::RoomyMachine {};

TEST_F(WorkerLimits, ListenersTakeDescriptorsOfTheParent) {
  const auto few = worker_capacity({1, 0}, files_);
  const auto many = worker_capacity({9, 0}, files_);
  EXPECT_NE(few.limit.find("open files (ulimit -n)"), std::string::npos);
  EXPECT_EQ(few.workers, engine::descriptor_capacity(16).connections / 2);
  EXPECT_EQ(many.workers, engine::descriptor_capacity(16).connections / 10);
  EXPECT_EQ(worker_capacity({1'000'000'000, 0}, files_).workers, 0U);
}

TEST_F(WorkerLimits, AWorkerIsAProcess) {
  write("proc/sys/kernel/threads-max", "307\n");
  const auto found = worker_capacity({1, 0}, files_);
  EXPECT_EQ(found.workers, 7U);
  EXPECT_EQ(found.limit, "307 threads (kernel.threads-max)");
}

TEST_F(WorkerLimits, AllClientsTogetherTakeOpenFilesOfTheMachine) {
  write("proc/sys/fs/file-nr", "1000\t0\t41000\n");
  EXPECT_EQ(worker_capacity({1, 19'992}, files_).workers, 2U);
  EXPECT_EQ(worker_capacity({1, 19'993}, files_).workers, 1U);
  EXPECT_EQ(worker_capacity({1, 40'000}, files_).workers, 0U);
  EXPECT_EQ(worker_capacity({1, ~std::uint64_t{0}}, files_).workers, 0U);
  EXPECT_EQ(worker_capacity({1, 19'992}, files_).limit,
            "41000 open files of all processes (fs.file-max)");
}

TEST_F(WorkerLimits, WorkersAndTheirClientsTakeMemory) {
  write("proc/meminfo", "MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: 102400 kB\n");
  EXPECT_EQ(worker_capacity({1, 0}, files_).workers, 200U);
  EXPECT_EQ(worker_capacity({1, 0}, files_).limit, "100 MiB of memory");
  EXPECT_EQ(worker_capacity({1, 10'000}, files_).workers, 2U);
  EXPECT_EQ(worker_capacity({1, 21'000}, files_).workers, 0U);
  EXPECT_EQ(worker_capacity({1, ~std::uint64_t{0}}, files_).workers, 0U);
}

TEST_F(WorkerLimits, AControlGroupMayGiveLessMemory) {
  write("cgroup/memory.max", "max\n");
  const auto before = worker_capacity({1, 0}, files_).workers;
  write("cgroup/memory.max", "62914560\n");
  write("cgroup/memory.current", "52428800\n");
  EXPECT_EQ(worker_capacity({1, 0}, files_).workers, 20U);
  EXPECT_LT(20U, before);
}

TEST_F(WorkerLimits, FilesThatAreMissingLimitNothing) {
  std::filesystem::remove_all(place_.path() + "/proc");
  EXPECT_EQ(worker_capacity({1, 1000}, files_).workers,
            engine::descriptor_capacity(16).connections / 2);
}

}  // namespace
}  // namespace poetry::server
