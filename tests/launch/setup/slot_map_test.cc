#include "launch/setup/slot_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "launch/files/yaml.h"
#include "launch/setup/placement_file.h"
#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::Not;

// Two layers of four experts on three ranks, with two slots each.
SlotPlan SmallPlan() {
  return {.shape = {.num_layers = 2, .num_experts = 4, .num_ranks = 3},
          .layers = {{{3, 1}, {0, 2}, {1, 3}}, {{2, 2}, {1, 0}, {3, 0}}}};
}

std::string Format(const std::string& format, const SlotPlan& plan) {
  const auto text = FormatSlotPlan(format, "p.txt", plan);
  EXPECT_TRUE(text.ok()) << text.status();
  return *text;
}

// Each expert once, then others at random.
SlotPlan RandomPlan(int num_slots, std::mt19937& random) {
  SlotPlan plan = {.shape = {.num_layers = 3, .num_experts = 8, .num_ranks = 4}, .layers = {}};
  for (int l = 0; l < 3; ++l) {
    std::vector<int32_t> experts(4 * num_slots);
    for (int i = 0; i < 4 * num_slots; ++i)
      experts[i] = static_cast<int32_t>(i < 8 ? i : random() % 8);
    std::ranges::shuffle(experts, random);
    LayerSlots& slots = plan.layers.emplace_back();
    for (int r = 0; r < 4; ++r) {
      slots.emplace_back(experts.begin() + r * num_slots, experts.begin() + (r + 1) * num_slots);
    }
  }
  return plan;
}

TEST(SlotMap, HasTheFormsOfOtherPrograms) {
  EXPECT_EQ(Format("eplb", SmallPlan()),
            "{\"physical_to_logical_map\":[[3,1,0,2,1,3],[2,2,1,0,3,0]]}\n");
  EXPECT_EQ(Format("vllm", SmallPlan()), "[[3,1,0,2,1,3],[2,2,1,0,3,0]]\n");
  EXPECT_EQ(Format("tensorrt-llm", SmallPlan()),
            "initial_global_assignments:\n  0: [3, 1, 0, 2, 1, 3]\n  1: [2, 2, 1, 0, 3, 0]\n"
            "num_slots: 6\nlayer_updates_per_iter: 0\n");
  const nlohmann::json ascend = ParseJson(Format("vllm-ascend", SmallPlan()));
  EXPECT_EQ(ascend["moe_layer_count"], 2);
  EXPECT_EQ(ascend["layer_list"][1]["layer_id"], 1);
  EXPECT_EQ(ascend["layer_list"][1]["device_count"], 3);
  EXPECT_EQ(ascend["layer_list"][1]["device_list"][2],
            ParseJson(R"({"device_id": 2, "device_expert": [3, 0]})"));
}

TEST(SlotMap, EachFormComesBack) {
  std::mt19937 random(1);
  for (const int num_slots : {2, 3, 5}) {
    const SlotPlan plan = RandomPlan(num_slots, random);
    for (const char* format : {"eplb", "vllm", "vllm-ascend", "tensorrt-llm"}) {
      const std::string text = Format(format, plan);
      const auto value = ParseYaml(text, "f");  // JSON is YAML
      ASSERT_TRUE(value.ok()) << value.status();
      ASSERT_TRUE(IsSlotMap(*value)) << format;
      const auto read = ReadSlotMap(*value, plan.shape);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->layers, plan.layers) << format;
    }
    MemoryFileSystem files;
    for (const auto& [format, name] : {std::pair{"octet", "p.textproto"},
                                       {"octet", "p.json"},
                                       {"eplb", "p.json"},
                                       {"vllm", "p.json"},
                                       {"vllm-ascend", "p.json"},
                                       {"tensorrt-llm", "p.yaml"},
                                       {"tensorrt-llm", "p.yml"}}) {
      files.files[name] = *FormatSlotPlan(format, name, plan);
      const auto read = ReadPlacementFile(files, "--f", name, plan.shape);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->ToString(), plan.ToPlacement().ToString()) << format << " " << name;
    }
  }
}

// From form to form, nothing is lost: neither the order of slots nor an expert that a rank has
// twice.
TEST(SlotMap, AFileGoesThroughAllForms) {
  std::mt19937 random(2);
  const std::vector<std::pair<const char*, const char*>> forms = {{"eplb", "p.json"},
                                                                  {"vllm", "p.json"},
                                                                  {"tensorrt-llm", "p.yaml"},
                                                                  {"vllm-ascend", "p.json"}};
  MemoryFileSystem files;
  for (int round = 0; round < 20; ++round) {
    SlotPlan plan = RandomPlan(2 + round % 4, random);
    plan.layers[1][0][1] = plan.layers[1][0][0];  // twice on a rank
    for (int e = 0, r = 1; e < 8; ++e) {
      if (RanksOf(plan.layers[1], 8)[e].empty()) plan.layers[1][r++ % 3 + 1][0] = e;
    }
    if (!ReadSlotMap(ParseJson(Format("vllm", plan)), plan.shape).ok()) continue;
    SlotPlan now = plan;
    for (int hop = 0; hop < 6; ++hop) {
      const auto& [format, name] = forms[random() % forms.size()];
      files.files[name] = Format(format, now);
      const auto read = ReadSlotPlan(files, "--f", name, plan.shape);
      ASSERT_TRUE(read.ok()) << read.status();
      now = *read;
      EXPECT_EQ(now.layers, plan.layers) << format;
    }
    files.files["p.textproto"] = *FormatSlotPlan("octet", "p.textproto", now);
    EXPECT_EQ(ReadPlacementFile(files, "--f", "p.textproto", plan.shape)->ToString(),
              plan.ToPlacement().ToString());
  }
}

TEST(SlotMap, PythonReadsTheYaml) {
  if (RunShell("/usr/bin/python3 -c \"import yaml\"").exit_code != 0) {
    GTEST_SKIP() << "python3-yaml is missing: NOT checked: YAML by another reader";
  }
  const std::string directory = TestDirectory();
  WriteFile(directory + "/p.yaml", Format("tensorrt-llm", SmallPlan()));
  WriteFile(directory + "/check.py", R"(
import yaml
v = yaml.safe_load(open("p.yaml"))
print(v["initial_global_assignments"][1], v["num_slots"], v["layer_updates_per_iter"])
)");
  const ProcessResult result = RunShell("cd " + directory + " && /usr/bin/python3 check.py");
  EXPECT_EQ(result.output, "[2, 2, 1, 0, 3, 0] 6 0\n");
}

TEST(SlotMap, UnequalSlotsHaveNoFormElsewhere) {
  SlotPlan plan = SmallPlan();
  plan.layers[1][2].pop_back();
  plan.layers[1][0][1] = 3;
  for (const char* format : {"eplb", "vllm", "tensorrt-llm"}) {
    EXPECT_THAT(std::string(FormatSlotPlan(format, "p", plan).status().message()),
                HasSubstr("in layer 1 rank 2 has 1, not 2: --slots gives all as many"));
  }
  for (const char* format : {"octet", "vllm-ascend"}) {
    EXPECT_TRUE(FormatSlotPlan(format, "p", plan).ok());
  }
}

struct WrongMap {
  const char* name;
  const char* text;
  const char* message;
};

// For two layers of three experts on two ranks.
void ExpectRefusals(std::initializer_list<WrongMap> all) {
  MemoryFileSystem files;
  for (const auto& [name, text, message] : all) {
    files.files[name] = text;
    const auto read = ReadPlacementFile(files, "--f", name, {2, 3, 2});
    ASSERT_FALSE(read.ok()) << text;
    const std::string said(read.status().message());
    EXPECT_THAT(said, testing::StartsWith(std::string("--f ") + name)) << text;
    EXPECT_THAT(said, HasSubstr(message)) << text;
    EXPECT_THAT(said, Not(HasSubstr("\n")));
  }
}

TEST(SlotMap, SaysWhatIsWrong) {
  ExpectRefusals({
      {"p.json", "[]", "layer 0 has no slot for expert 0"},
      {"p.json", "[[0, 1]]", "has 1 layers, the model has 2"},
      {"p.json", "[[0, 1, 2], [0, 1, 2]]", "layer 0 has 3 slots, which 2 ranks"},
      {"p.json", "[[0, 1, 1, 1], [0, 1, 2, 1]]", "layer 0 has no slot for expert 2"},
      {"p.json", "[[0, 1, 2, 1.5], [0]]", "not 1.5"},
      {"p.json", "[[0, 1, 2, -1], [0]]", "not -1"},
      {"p.json", "[[0, 1, 2, 0], 7]", "layer 1 must be a list of experts"},
      {"p.json", R"({"physical_to_logical_map": 7})", "must have a list for each layer"},
      {"p.json", R"({"layer_list": [{}, {}]})", "layer 0 must have a device_list"},
      {"p.json", R"({"layer_list": [{"device_list": [1]}, {}]})", "1 devices for 2"},
      {"p.json", R"({"layer_list": [{"device_list": [1, 2]}, {}]})", "device 0 with its"},
      {"p.yaml", "initial_global_assignments: {0: [0, 1, 2, 0]}", "has no layer 1"},
      {"p.yaml", "initial_global_assignments: {0: [0, x, 2, 0], 1: []}", "not \"x\""},
      {"p.yaml", "num_slots: 4", "has no initial_global_assignments"},
      {"p.yaml", "a: [1", "line 2: "},
      {"p.yaml", "a: &x 1\nb: *x", "line 1: has an anchor"},
      {"p.yaml", "a: 1\na: 2", "line 2: has the key 'a' twice"},
      {"p.yaml", "? [1]\n: 2", "has a key that is no scalar"},
      {"p.yaml", "--- 1\n--- 2", "begins a second document"},
  });
}

TEST(SlotMap, NamesMemberLayerAndSlot) {
  ExpectRefusals({
      {"p.json", "[[0, 1, 2, 3], [0, 1, 2, 1]]",
       "layer 0 slot 3 must have one of the experts from 0 to 2, not 3"},
      {"p.json", R"({"physical_to_logical_map": [[0, 1, 2, 0], [0, 1, 2, true]]})",
       "p.json: physical_to_logical_map: layer 1 slot 3 must have one of"},
      {"p.json", R"({"physical_to_logical_map": [[0, 1, 2, 0], [0, 1, null, 2]]})",
       "physical_to_logical_map: layer 1 slot 2 must have one of"},
      {"p.yaml", "initial_global_assignments: {0: [0, 1, 2, 0], 1: [2, 1, 0]}",
       "p.yaml: initial_global_assignments: layer 1 has 3 slots"},
      {"p.yaml", "initial_global_assignments: {0: [0, 1, 2, 0], 1: [2, 1, 0, 1]}\nnum_slots: 6\n",
       "num_slots is 6, and there are 4"},
      {"p.json", R"({"layer_list": [{"layer_id": 1}, {"layer_id": 0}]})",
       "layer_list: layer 0 has the layer_id 1"},
      {"p.json",
       R"({"moe_layer_count": 3, "layer_list": [
                      {"device_list": [{"device_id": 0, "device_expert": [0, 1]},
                                       {"device_id": 1, "device_expert": [2]}]},
                      {"device_list": [{"device_id": 0, "device_expert": [0, 1]},
                                       {"device_id": 1, "device_expert": [2]}]}]})",
       "moe_layer_count is 3, and there are 2"},
      {"p.json",
       R"({"layer_list": [
                      {"device_list": [{"device_id": 0, "device_expert": [0, 1]},
                                       {"device_id": 1, "device_expert": [2, 3]}]}, {}]})",
       "layer_list: layer 0 device 1 slot 1 must have one of"},
  });
}

TEST(Yaml, IsWhatJsonWouldBe) {
  const auto value = ParseYaml("a: [1, -2, '3', x]\nb:\n  4: {}\n  c: []\nd:\n", "f");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, ParseJson(R"({"a": [1, -2, "3", "x"], "b": {"4": {}, "c": []}, "d": ""})"));
  EXPECT_FALSE(ParseYaml(std::string(100, '['), "f").ok());
  EXPECT_FALSE(ParseYaml("\xff\xfe\xff", "f").ok());
}

}  // namespace
}  // namespace octet
