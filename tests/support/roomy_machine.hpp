// Files like those in which the kernel says what its limits are, for tests that change some of
// them. They live as long as the test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "engine/capacity.hpp"
#include "support/temporary_directory.hpp"

namespace poetry::support {

/// A machine with room for everything, but for what the test changes.
class RoomyMachine : public testing::Test {
 protected:
  RoomyMachine() {
    write("proc/loadavg", "0.10 0.20 0.30 2/300 4711\n");
    write("proc/sys/kernel/threads-max", "100000000\n");
    write("proc/sys/kernel/pid_max", "100000000\n");
    write("proc/sys/vm/max_map_count", "100000000\n");
    write("proc/self/maps", "one\ntwo\nthree\nfour\n");
    write("proc/sys/fs/file-nr", "1000\t0\t9223372036854775807\n");
    write("proc/meminfo", "MemTotal: 9000000000 kB\nMemAvailable: 8000000000 kB\n");
  }
  void write(const std::string& name, std::string_view text) const {
    const auto path = std::filesystem::path(place_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  TemporaryDirectory place_;
  engine::LimitFiles files_{place_.path() + "/proc", place_.path() + "/cgroup"};
};

}  // namespace poetry::support
