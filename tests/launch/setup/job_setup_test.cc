#include "launch/setup/job_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/local_ranks.h"

namespace octet {
namespace {

using testing::HasSubstr;

absl::Status StatusWithTimeout(double seconds, const std::vector<std::string>& hosts) {
  absl::Status of_rank_0;
  RunLocalRanks(hosts, [&](Communicator& comm) {
    RunConfig config;
    config.set_device("cpu");
    config.set_timeout(seconds);  // and no model: an error that comes later
    PosixFileSystem files;
    const absl::Status status = SetUpJob(comm, config, files).status();
    if (comm.rank() == 0) of_rank_0 = status;
  });
  return of_rank_0;
}

TEST(JobSetupTest, ATimeoutLeavesTheLauncherTimeWhereHostsAreSeveral) {
  const absl::Status status = StatusWithTimeout(29, {"node1", "node1", "node2"});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("--timeout 29: at least 30 s with ranks on node1 and node2"));
  const auto later = HasSubstr("--model is missing");
  EXPECT_THAT(std::string(StatusWithTimeout(30, {"node1", "node2"}).message()), later);
  EXPECT_THAT(std::string(StatusWithTimeout(1, {"node1", "node1"}).message()), later);
}

TEST(JobSetupTest, KeptWeightsAreNeitherMappedFilesNorOfDevices) {
  const auto message = [](RunConfig config) {
    config.set_keep_weights("/dev/shm");
    config.set_timeout(60);
    std::string text;
    RunLocalRanks(1, [&](Communicator& comm) {
      PosixFileSystem files;
      text = std::string(SetUpJob(comm, config, files).status().message());
    });
    return text;
  };
  RunConfig with_cache;
  with_cache.set_device("cpu");
  with_cache.set_pack_cache("c");
  EXPECT_THAT(message(with_cache), HasSubstr("--keep-weights has no effect with --pack-cache"));
  RunConfig on_device;
  on_device.set_device("cuda");
  EXPECT_EQ(message(on_device), "--keep-weights is for --device cpu");
}

}  // namespace
}  // namespace octet
