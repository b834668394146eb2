#include <algorithm>

#include "kernels/base/check.h"
#include "launch/files/yaml.h"
#include "launch/setup/placement_file.h"
#include "launch/setup/slot_map.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

constexpr PlacementShape kShape = {.num_layers = 2, .num_experts = 4, .num_ranks = 3};

// Every expert lives somewhere, and each rank knows what it has.
void CheckPlacement(const ExpertPlacement& placement) {
  for (int layer = 0; layer < kShape.num_layers; ++layer) {
    for (int expert = 0; expert < kShape.num_experts; ++expert) {
      const auto ranks = placement.ranks(layer, expert);
      OCTET_CHECK(!ranks.empty() && ranks.front() >= 0 && ranks.back() < kShape.num_ranks);
      OCTET_CHECK(std::adjacent_find(ranks.begin(), ranks.end(), std::greater_equal<>()) ==
                  ranks.end());
      for (int rank = 0; rank < kShape.num_ranks; ++rank) {
        const std::vector<int> local = placement.LocalExperts(layer, rank);
        const bool owns = std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
        OCTET_CHECK_EQ(placement.Owns(layer, expert, rank), owns);
        OCTET_CHECK_EQ(std::binary_search(local.begin(), local.end(), expert), owns);
      }
    }
  }
}

void CheckPlacementOf(FileSystem& files, const std::string& spec) {
  const auto placement = ReadPlacement(files, spec, kShape);
  if (!placement.ok()) return CheckError(placement.status());
  CheckPlacement(*placement);
}

// A placement of another program comes back from each form that it can have. Large ones, which have
// been read as a file, would take seconds.
void CheckSlotMap(const std::string& bytes) {
  constexpr size_t kMostBytes = 1 << 16;
  if (bytes.size() > kMostBytes) return;
  const auto value = ParseYaml(bytes, "p.yaml");
  if (!value.ok()) return CheckError(value.status());
  if (!IsSlotMap(*value)) return;
  const auto plan = ReadSlotMap(*value, kShape);
  if (!plan.ok()) return CheckError(plan.status());
  for (const char* format : {"eplb", "vllm", "vllm-ascend", "tensorrt-llm"}) {
    const auto text = FormatSlotPlan(format, "p", *plan);
    if (!text.ok()) {
      CheckError(text.status());
      continue;
    }
    const auto again = ReadSlotMap(*ParseYaml(*text, "p"), kShape);
    OCTET_CHECK(again.ok() && again->layers == plan->layers) << format;
  }
}

}  // namespace

void ExpertPlacementFile(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["p.json"] = bytes;
  files.files["p.txt"] = bytes;
  files.files["p.yaml"] = bytes;
  CheckPlacementOf(files, "p.json");
  CheckPlacementOf(files, "p.txt");
  CheckPlacementOf(files, "p.yaml");
  CheckSlotMap(bytes);
  CheckPlacementOf(files, bytes);
}

}  // namespace octet::fuzz
