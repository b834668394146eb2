// Rows between the devices of this job's ranks, for tests.

#ifndef OCTET_TESTS_PARALLEL_TRANSPORT_NCCL_ROWS_FIXTURE_H_
#define OCTET_TESTS_PARALLEL_TRANSPORT_NCCL_ROWS_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "parallel/transport/nccl_rows.h"
#include "parallel/transport/world.h"
#include "tests/cuda_emu/device_array.h"

namespace octet {

class NcclRowsTest : public testing::Test {
 public:
  // Set by main.
  static inline World* world = nullptr;
  static inline std::string bus_id;

 protected:
  static constexpr int64_t kCols = 33;

  static Communicator& comm() { return world->communicator(); }
  static int rank() { return comm().rank(); }
  static int next() { return (rank() + 1) % comm().size(); }
  static int previous() { return (rank() + comm().size() - 1) % comm().size(); }

  absl::StatusOr<std::unique_ptr<RowTransport>> Make(
      const std::string& on, std::chrono::seconds timeout = std::chrono::seconds(60)) const {
    return MakeNcclRows(comm(), stream_, on, timeout);
  }
  std::unique_ptr<RowTransport> Make() const {
    auto rows = Make(bus_id);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return *std::move(rows);
  }

  // Some rows of an array, whole ones.
  static Matrix View(const cuda_emu::DeviceArray<float>& array, int64_t rows) {
    return {reinterpret_cast<std::byte*>(array.data()), DType::kF32, rows, kCols, kCols};
  }

  const cuda_emu::TestStream stream_;
};

}  // namespace octet

#endif  // OCTET_TESTS_PARALLEL_TRANSPORT_NCCL_ROWS_FIXTURE_H_
