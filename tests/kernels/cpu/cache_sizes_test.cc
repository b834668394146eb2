#include "kernels/cpu/cache_sizes.h"

#include <gtest/gtest.h>

#include "kernels/cpu/machine_topology.h"

namespace octet {
namespace {

TEST(CacheSizes, WhatCoresShareIsDividedInL2Alone) {
  const Topology machine = SyntheticTopology(
      "package:2 L3Cache:2(size=402653184) L2Cache:4(size=4194304) L1Cache:2(size=49152) core:1 "
      "pu:2");
  const CacheBytes bytes = FindCaches(machine.get());
  EXPECT_EQ(bytes.l1d, 48U << 10);
  EXPECT_EQ(bytes.l2, 2U << 20);
  EXPECT_EQ(bytes.l3, 384U << 20);
}

TEST(CacheSizes, NothingFoundOut) {
  const Topology machine = SyntheticTopology("core:4 pu:1");
  for (hwloc_topology* topology : {machine.get(), static_cast<hwloc_topology*>(nullptr)}) {
    const CacheBytes bytes = FindCaches(topology);
    EXPECT_EQ(bytes.l1d + bytes.l2 + bytes.l3, 0U);
  }
  EXPECT_GT(L2BytesPerCore(), 0U);
}

}  // namespace
}  // namespace octet
