#include "kernels/cpu/numa.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <numeric>
#include <thread>

namespace octet {
namespace {

std::vector<int> Range(int first, int last) {
  std::vector<int> numbers(last - first);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

void ExpectShare(const NumaTopology& topology, int index, int count, const std::vector<int>& nodes,
                 const std::vector<int>& cores) {
  const NumaShare share = topology.Divide(index, count);
  EXPECT_EQ(share.nodes, nodes) << index << " of " << count;
  EXPECT_EQ(share.cores, cores) << index << " of " << count;
}

TEST(NumaTopology, OneShareOfANode) {
  const NumaTopology topology(SyntheticTopology("numa:2 core:4 pu:2"));
  ASSERT_EQ(topology.num_nodes(), 2);
  ExpectShare(topology, 0, 2, {0}, Range(0, 8));
  ExpectShare(topology, 1, 2, {1}, Range(8, 16));
}

TEST(NumaTopology, FewerSharesThanNodes) {
  const NumaTopology topology(SyntheticTopology("package:2 numa:2 core:2 pu:1"));
  ASSERT_EQ(topology.num_nodes(), 4);
  ExpectShare(topology, 0, 1, {0, 1, 2, 3}, Range(0, 8));
  ExpectShare(topology, 0, 2, {0, 1}, Range(0, 4));  // of one package
  ExpectShare(topology, 1, 2, {2, 3}, Range(4, 8));
}

TEST(NumaTopology, MoreSharesThanNodesOrCores) {
  const NumaTopology topology(SyntheticTopology("numa:2 core:2 pu:1"));
  for (int i = 0; i < 4; ++i) ExpectShare(topology, i, 4, {i / 2}, Range(i / 2 * 2, i / 2 * 2 + 2));
  for (int i = 0; i < 8; ++i) ExpectShare(topology, i, 8, {i / 4}, Range(i / 4 * 2, i / 4 * 2 + 2));
}

TEST(NumaTopology, OneNodeIsNotDivided) {
  const NumaTopology topology(SyntheticTopology("core:4 pu:1"));
  ASSERT_EQ(topology.num_nodes(), 1);
  ExpectShare(topology, 1, 2, {0}, Range(0, 4));
}

TEST(NumaTopology, NothingFoundOut) {
  const NumaTopology topology(SyntheticTopology("what is this"));
  EXPECT_EQ(topology.num_nodes(), 0);
  EXPECT_TRUE(topology.Divide(0, 2).cores.empty());
}

TEST(NumaTopology, BindsTheThreadAndThoseItStarts) {
  std::thread([] {
    const NumaTopology topology;
    ASSERT_GE(topology.num_nodes(), 1);
    NumaShare share = topology.Divide(0, 1);
    ASSERT_FALSE(share.cores.empty());
    share.cores.resize(1);
    ASSERT_TRUE(topology.Bind(share));
    std::thread([&] {
      cpu_set_t cores;
      ASSERT_EQ(sched_getaffinity(0, sizeof(cores), &cores), 0);
      EXPECT_EQ(CPU_COUNT(&cores), 1);
      EXPECT_TRUE(CPU_ISSET(share.cores[0], &cores));
    }).join();
    EXPECT_EQ(NumaTopology().Divide(0, 1).cores, share.cores);  // no more than the thread may use
  }).join();
}

}  // namespace
}  // namespace octet
