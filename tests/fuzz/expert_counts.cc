#include "kernels/base/check.h"
#include "launch/bench/routing_load.h"
#include "launch/setup/expert_counts_file.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

constexpr RoutingShape kCountsShape = {.num_layers = 2, .num_experts = 4, .topk = 2};

// As many as asked for, none negative.
void CheckCounts(const ExpertCounts& counts) {
  OCTET_CHECK_EQ(counts.size(), 2U);
  for (const std::vector<int64_t>& layer : counts) {
    OCTET_CHECK_EQ(layer.size(), 4U);
    for (const int64_t tokens : layer) OCTET_CHECK(tokens >= 0);
  }
}

}  // namespace

void ExpertCountsFile(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["c.json"] = bytes;
  const auto counts = ReadExpertCounts(files, "--expert-counts", "c.json", 2, 4);
  if (counts.ok()) {
    CheckCounts(*counts);
  } else {
    CheckError(counts.status());
  }
  const auto whole = ReadExpertCounts(files, "--load", "c.json");
  if (!whole.ok()) CheckError(whole.status());
  if (whole.ok()) {
    for (const auto& layer : *whole) OCTET_CHECK_EQ(layer.size(), whole->front().size());
  }
  const auto load = ReadRoutingLoad(files, "counts:c.json", kCountsShape);
  if (!load.ok()) return CheckError(load.status());
  int32_t experts[2] = {-1, -1};
  for (int i = 0; i < 16; ++i) {
    (*load)->Choose(i % 2, i, i, experts);
    OCTET_CHECK(experts[0] != experts[1]);
  }
}

}  // namespace octet::fuzz
