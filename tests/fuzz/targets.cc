#include "tests/fuzz/targets.h"

#include <cstdlib>
#include <iostream>

namespace octet::fuzz {
namespace {

struct Named {
  std::string_view name;
  Target target;
};

constexpr Named kTargets[] = {
    {"batch_line", BatchLine},
    {"chat_template", ChatTemplate},
    {"checkpoint_index", CheckpointIndex},
    {"expert_calls", ExpertCallsFile},
    {"expert_counts", ExpertCountsFile},
    {"gguf", GgufHeader},
    {"journal", JournalPart},
    {"machine_profile", MachineProfileFile},
    {"model_config", ModelConfigFile},
    {"placement", ExpertPlacementFile},
    {"routing_trace", RoutingTrace},
    {"run_config", RunConfigFile},
    {"safetensors", SafetensorsHeader},
    {"sentencepiece_model", SentencePieceFile},
    {"tokenizer_config", TokenizerConfigFiles},
    {"tokenizer_json", TokenizerJsonFile},
};

}  // namespace

Target FindTarget(std::string_view name) {
  for (const Named& each : kTargets) {
    if (each.name == name) return each.target;
  }
  std::cerr << name << " is no target; these are:";
  for (const Named& each : kTargets) std::cerr << " " << each.name;
  std::cerr << "\n";
  std::exit(2);
}

}  // namespace octet::fuzz
