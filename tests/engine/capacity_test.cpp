// Limits read from files like the kernel's. The descriptors are this process's own.
#include "engine/capacity.hpp"

#include "support/roomy_machine.hpp"

namespace poetry::engine {
namespace {

class CapacityTest : public support::RoomyMachine {};

TEST_F(CapacityTest, WithoutANarrowerLimitIsThatOfDescriptors) {
  EXPECT_EQ(thread_capacity(3, files_).connections, descriptor_capacity(3).connections);
  EXPECT_EQ(process_capacity(3, files_).limit, descriptor_capacity(3).limit);
  EXPECT_EQ(descriptor_capacity(3).connections + 3, descriptor_capacity().connections);
}

TEST_F(CapacityTest, CountsWhatRunsAgainstTheMachinesThreads) {
  write("proc/sys/kernel/threads-max", "310\n");
  EXPECT_EQ(process_capacity(0, files_).connections, 10U);
  EXPECT_EQ(thread_capacity(0, files_).limit, "310 threads (kernel.threads-max)");
  write("proc/sys/kernel/pid_max", "305\n");
  EXPECT_EQ(process_capacity(0, files_).limit, "305 threads (kernel.pid_max)");
  write("proc/sys/kernel/pid_max", "299\n");
  EXPECT_EQ(process_capacity(0, files_).connections, 0U);
}

TEST_F(CapacityTest, AThreadTakesTwoMappings) {
  write("proc/sys/vm/max_map_count", "24\n");
  EXPECT_EQ(thread_capacity(0, files_).connections, 10U);
  EXPECT_EQ(thread_capacity(0, files_).limit, "24 memory mappings (vm.max_map_count)");
  EXPECT_NE(process_capacity(0, files_).connections, 10U);
}

TEST_F(CapacityTest, TheNarrowestControlGroupCounts) {
  write("proc/self/cgroup", "0::/system/poetry\n");
  write("cgroup/system/poetry/pids.max", "max\n");
  write("cgroup/system/poetry/pids.current", "1\n");
  EXPECT_EQ(process_capacity(0, files_).limit, descriptor_capacity().limit);
  write("cgroup/system/pids.max", "50\n");
  write("cgroup/system/pids.current", "43\n");
  EXPECT_EQ(process_capacity(0, files_).connections, 7U);
  EXPECT_EQ(process_capacity(0, files_).limit, "50 processes (cgroup pids.max)");
}

TEST_F(CapacityTest, AControlGroupOfTheFirstVersionCountsToo) {
  write("proc/self/cgroup", "9:name=systemd:/other\n8:pids:/jobs\n0::/\n");
  write("cgroup/pids/jobs/pids.max", "20\n");
  write("cgroup/pids/jobs/pids.current", "5\n");
  EXPECT_EQ(thread_capacity(0, files_).connections, 15U);
}

TEST_F(CapacityTest, AControlGroupThatIsHiddenIsLookedForAtTheRoot) {
  write("proc/self/cgroup", "0::/docker/0123\n");
  write("cgroup/pids.max", "9\n");
  EXPECT_EQ(thread_capacity(0, files_).connections, 9U);
}

TEST_F(CapacityTest, EveryEngineNamesItsLimit) {
  for (const auto& name : engine_names()) {
    const auto capacity = make_engine(name)->capacity();
    EXPECT_GT(capacity.connections, 0U) << name;
    EXPECT_FALSE(capacity.limit.empty()) << name;
  }
}

}  // namespace
}  // namespace poetry::engine
