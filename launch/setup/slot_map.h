// Placements in the files of other programs.

#ifndef OCTET_LAUNCH_SETUP_SLOT_MAP_H_
#define OCTET_LAUNCH_SETUP_SLOT_MAP_H_

#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "parallel/planner/slot_plan.h"

namespace octet {

// The forms of placement files.
//
// * "octet": Placement (proto/placement.proto), as JSON if the file's name ends in .json, else as
//   text.
// * "eplb": {"physical_to_logical_map": [layers, slots]}, as SGLang reads it with
//   --init-expert-location (python/sglang/srt/eplb/expert_location.py). The name is that of
//   DeepSeek's EPLB.
// * "vllm": [layers, slots], as eplb_config.initial_expert_map_path of
//   github.com/vllm-project/vllm/pull/49572 (2026, open) has it. A single list of slots serves all
//   layers.
// * "vllm-ascend": {"moe_layer_count": …, "layer_list": [{"layer_id": …, "device_count": …,
//   "device_list": [{"device_id": …, "device_expert": […]}]}]}, as expert_map_path of vllm-ascend
//   has it (examples/eplb/eplb_strategy.py).
// * "tensorrt-llm": YAML with num_slots, initial_global_assignments: {layer: [slots]} and
//   layer_updates_per_iter, as moe_config.load_balancer of TensorRT-LLM has it
//   (examples/wide_ep/ep_load_balancer/README.md). JSON of that form is read, too.
//
// In all but "octet", each rank has equally many slots, in the order of ranks, and an expert may be
// on a rank twice. "vllm-ascend" also has the slots of each rank apart.
bool IsPlacementFormat(const std::string& format);

// Returns the names of the formats for a message.
std::string PlacementFormats();

// Returns the text of a file. An error says why the format has no form for this plan. `path` is the
// name that the file will have.
absl::StatusOr<std::string> FormatSlotPlan(const std::string& format, const std::string& path,
                                           const SlotPlan& plan);

// Returns whether a JSON value has the form of one of the other programs.
bool IsSlotMap(const nlohmann::json& file);

// Reads a value of one of these forms. An error says what is wrong, in which member, layer and
// slot.
absl::StatusOr<SlotPlan> ReadSlotMap(const nlohmann::json& file, PlacementShape shape);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_SLOT_MAP_H_
