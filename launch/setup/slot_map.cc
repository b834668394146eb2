#include "launch/setup/slot_map.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "kernels/base/number_range.h"
#include "launch/files/proto_json.h"
#include "launch/files/proto_text.h"
#include "runtime/io/json_writer.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using Json = nlohmann::json;
using SlotExperts = std::vector<int32_t>;

constexpr std::array kFormats = {"octet", "eplb", "vllm", "vllm-ascend", "tensorrt-llm"};
constexpr char kEplbMap[] = "physical_to_logical_map";
constexpr char kTensorRtMap[] = "initial_global_assignments";
constexpr char kNumSlots[] = "num_slots";
constexpr char kAscendLayers[] = "layer_list";
constexpr char kAscendCount[] = "moe_layer_count";

absl::Status BadMap(const std::string& what) { return absl::InvalidArgumentError(what); }

// Returns the slots of a layer, rank by rank.
SlotExperts Joined(const LayerSlots& slots) {
  SlotExperts joined;
  for (const SlotExperts& of_rank : slots)
    joined.insert(joined.end(), of_rank.begin(), of_rank.end());
  return joined;
}

absl::Status CheckEqualSlots(const std::string& format, const SlotPlan& plan) {
  const size_t slots = plan.layers.front().front().size();
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    for (size_t r = 0; r < plan.layers[l].size(); ++r) {
      if (plan.layers[l][r].size() == slots) continue;
      return BadMap(absl::StrCat("--format ", format, " has equally many slots on all ranks, and ",
                                 "in layer ", l, " rank ", r, " has ", plan.layers[l][r].size(),
                                 ", not ", slots, ": --slots gives all as many"));
    }
  }
  return absl::OkStatus();
}

void WriteLayers(const SlotPlan& plan, JsonWriter& json) {
  json.BeginArray();
  for (const LayerSlots& layer : plan.layers) json.Integers(Joined(layer));
  json.EndArray();
}

void WriteAscend(const SlotPlan& plan, JsonWriter& json) {
  json.BeginObject().Member(kAscendCount, std::ssize(plan.layers));
  json.Key(kAscendLayers).BeginArray();
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    json.BeginObject().Member("layer_id", l).Member("device_count", plan.layers[l].size());
    json.Key("device_list").BeginArray();
    for (size_t r = 0; r < plan.layers[l].size(); ++r) {
      json.BeginObject().Member("device_id", r).Key("device_expert");
      json.Integers(plan.layers[l][r]).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
}

std::string FormatTensorRt(const SlotPlan& plan) {
  std::string text = absl::StrCat(kTensorRtMap, ":\n");
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    absl::StrAppend(&text, "  ", l, ": [", absl::StrJoin(Joined(plan.layers[l]), ", "), "]\n");
  }
  const size_t num_slots = Joined(plan.layers.front()).size();
  return absl::StrCat(text, kNumSlots, ": ", num_slots, "\nlayer_updates_per_iter: 0\n");
}

// Reads the experts of some slots.
absl::StatusOr<SlotExperts> ReadExperts(const Json& list, int num_experts) {
  if (!list.is_array()) return BadMap("must be a list of experts");
  SlotExperts experts;
  for (const Json& item : list) {
    const bool is_expert =
        item.is_number_unsigned() && item.get<uint64_t>() < static_cast<uint64_t>(num_experts);
    if (!is_expert) {
      return BadMap(absl::StrCat("slot ", experts.size(),
                                 " must have one of the experts from 0 to ", num_experts - 1,
                                 ", not ", Shortened(item.dump())));
    }
    experts.push_back(item.get<int32_t>());
  }
  return experts;
}

// Reads a list of all slots, which equal shares of the ranks hold.
absl::StatusOr<LayerSlots> ReadShares(const Json& list, PlacementShape shape) {
  const absl::StatusOr<SlotExperts> experts = ReadExperts(list, shape.num_experts);
  if (!experts.ok()) return experts.status();
  const int64_t share = std::ssize(*experts) / shape.num_ranks;
  if (share * shape.num_ranks != std::ssize(*experts)) {
    return BadMap(absl::StrCat("has ", experts->size(), " slots, which ", shape.num_ranks,
                               " ranks can't have in equal shares"));
  }
  LayerSlots slots;
  for (auto first = experts->begin(); first != experts->end() && share > 0; first += share) {
    slots.emplace_back(first, first + share);
  }
  return slots;
}

absl::StatusOr<LayerSlots> ReadAscendLayer(const Json& layer, size_t index, PlacementShape shape) {
  if (layer.is_object() && layer.contains("layer_id") && layer["layer_id"] != index) {
    return BadMap(absl::StrCat("has the layer_id ", Shortened(layer["layer_id"].dump())));
  }
  if (!layer.is_object() || !layer.contains("device_list") || !layer["device_list"].is_array()) {
    return BadMap("must have a device_list");
  }
  const Json& devices = layer["device_list"];
  if (std::ssize(devices) != shape.num_ranks) {
    return BadMap(absl::StrCat("has ", devices.size(), " devices for ", shape.num_ranks, " ranks"));
  }
  LayerSlots slots(shape.num_ranks);
  for (int r = 0; r < shape.num_ranks; ++r) {
    const Json& device = devices[r];
    const bool has_id = device.is_object() && device.contains("device_id") &&
                        device["device_id"] == r && device.contains("device_expert");
    if (!has_id)
      return BadMap(absl::StrCat("must have device ", r, " with its device_expert next"));
    absl::StatusOr<SlotExperts> experts = ReadExperts(device["device_expert"], shape.num_experts);
    if (!experts.ok()) {
      return BadMap(absl::StrCat("device ", r, " ", std::string(experts.status().message())));
    }
    slots[r] = *std::move(experts);
  }
  return slots;
}

bool IsListOfLists(const Json& file) {
  return file.is_array() && !file.empty() && file.front().is_array();
}

// Returns the name of the member that has the layers; nothing if the whole is a list of them.
std::string FieldOf(const Json& file) {
  for (const char* name : {kEplbMap, kTensorRtMap, kAscendLayers}) {
    if (file.is_object() && file.contains(name)) return name;
  }
  return "";
}

// Returns the value of each layer, in order.
absl::StatusOr<std::vector<const Json*>> FindLayers(const Json& file, int num_layers) {
  std::vector<const Json*> layers;
  if (file.is_array() && !IsListOfLists(file)) return std::vector<const Json*>(num_layers, &file);
  const std::string field = FieldOf(file);
  const Json& list = field.empty() ? file : file[field];
  if (!list.is_array() && !list.is_object()) return BadMap("must have a list for each layer");
  for (int l = 0; l < num_layers && list.is_object(); ++l) {
    const auto found = list.find(std::to_string(l));
    if (found == list.end()) return BadMap(absl::StrCat("has no layer ", l));
    layers.push_back(&*found);
  }
  for (const Json& layer : list) {
    if (list.is_array()) layers.push_back(&layer);
  }
  if (std::ssize(list) != num_layers) {
    return BadMap(absl::StrCat("has ", list.size(), " layers, the model has ", num_layers));
  }
  return layers;
}

}  // namespace

bool IsPlacementFormat(const std::string& format) {
  return std::ranges::find(kFormats, format) != kFormats.end();
}

std::string PlacementFormats() { return absl::StrJoin(kFormats, ", "); }

absl::StatusOr<std::string> FormatSlotPlan(const std::string& format, const std::string& path,
                                           const SlotPlan& plan) {
  if (format == "octet") {
    const Placement proto = plan.ToPlacement().ToProto();
    return path.ends_with(".json") ? JsonOf(proto) : TextOf(proto);
  }
  JsonWriter json;
  if (format == "vllm-ascend") {
    WriteAscend(plan, json);
    return json.Take() + "\n";
  }
  const absl::Status has_form = CheckEqualSlots(format, plan);
  if (!has_form.ok()) return has_form;
  if (format == "tensorrt-llm") return FormatTensorRt(plan);
  if (format == "vllm") {
    WriteLayers(plan, json);
  } else {
    json.BeginObject().Key(kEplbMap);
    WriteLayers(plan, json);
    json.EndObject();
  }
  return json.Take() + "\n";
}

bool IsSlotMap(const Json& file) {
  if (file.is_array()) return true;
  return !FieldOf(file).empty();
}

namespace {

absl::StatusOr<SlotPlan> ReadLayers(const Json& file, PlacementShape shape) {
  const absl::StatusOr<std::vector<const Json*>> layers = FindLayers(file, shape.num_layers);
  if (!layers.ok()) return layers.status();
  const bool by_device = file.is_object() && file.contains(kAscendLayers);
  SlotPlan plan = {.shape = shape, .layers = {}};
  for (size_t l = 0; l < layers->size(); ++l) {
    absl::StatusOr<LayerSlots> slots =
        by_device ? ReadAscendLayer(*(*layers)[l], l, shape) : ReadShares(*(*layers)[l], shape);
    if (!slots.ok()) {
      return BadMap(absl::StrCat("layer ", l, " ", std::string(slots.status().message())));
    }
    const LayerRanks ranks = RanksOf(*slots, shape.num_experts);
    for (int e = 0; e < shape.num_experts; ++e) {
      if (ranks[e].empty()) return BadMap(absl::StrCat("layer ", l, " has no slot for expert ", e));
    }
    plan.layers.push_back(*std::move(slots));
  }
  return plan;
}

// Checks the numbers that some forms have beside the layers.
absl::Status CheckCounts(const Json& file, const SlotPlan& plan) {
  const auto check = [&file](const char* name, size_t number) {
    if (!file.is_object() || !file.contains(name) || file[name] == number) return absl::OkStatus();
    return BadMap(
        absl::StrCat(name, " is ", Shortened(file[name].dump()), ", and there are ", number));
  };
  for (const LayerSlots& layer : plan.layers) {
    absl::Status status = check(kNumSlots, Joined(layer).size());
    if (!status.ok()) return status;
  }
  return check(kAscendCount, plan.layers.size());
}

}  // namespace

absl::StatusOr<SlotPlan> ReadSlotMap(const Json& file, PlacementShape shape) {
  absl::StatusOr<SlotPlan> plan = ReadLayers(file, shape);
  if (plan.ok()) {
    const absl::Status status = CheckCounts(file, *plan);
    if (!status.ok()) return status;
    return plan;
  }
  const std::string field = FieldOf(file);
  return BadMap(
      absl::StrCat(field, field.empty() ? "" : ": ", std::string(plan.status().message())));
}

}  // namespace octet
