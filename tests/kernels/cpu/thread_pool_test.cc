#include "kernels/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <string>
#include <vector>

#include "kernels/base/check.h"

namespace octet {
namespace {

TEST(ThreadPool, RunsOnceOnEachThread) {
  for (const int n : {1, 2, 5}) {
    ThreadPool pool(n);
    for (int round = 0; round < 200; ++round) {
      std::vector<int> calls(n);
      pool.Run([&](int thread) { ++calls[thread]; });
      EXPECT_EQ(calls, std::vector<int>(n, 1));
    }
  }
}

TEST(ThreadPool, ForEachVisitsEachIndexOnce) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> visits(1000);
  pool.ForEach(1000, [&](int, int64_t i) { ++visits[i]; });
  for (const auto& v : visits) EXPECT_EQ(v, 1);
  pool.ForEach(0, [&](int, int64_t) { FAIL(); });
}

TEST(ThreadPool, FlushesDenormalsOnEveryThread) {
  ThreadPool pool(3);
  volatile float smallest = std::numeric_limits<float>::min();
  std::vector<float> halves(3, 1);
  pool.Run([&](int thread) { halves[thread] = smallest / 2; });
  EXPECT_EQ(halves, std::vector<float>(3, 0));
}

TEST(ThreadPoolDeathTest, AFailedCheckOnAnyThreadNamesTheRank) {
  const std::string before = ThreadLabel();
  SetThreadLabel("rank 3 of 8 on here");
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        pool.Run([&](int thread) { OCTET_CHECK(thread == 0); });
      },
      "octet: rank 3 of 8 on here: ");
  SetThreadLabel(before);
}

}  // namespace
}  // namespace octet
