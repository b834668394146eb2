// libFuzzer's side: the program's name says which target it runs. One program for all, as linking
// is most of the build.

#include <google/protobuf/stubs/logging.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "tests/fuzz/targets.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace octet::fuzz {
namespace {

size_t MutateBytes(uint8_t* data, size_t size, size_t max_size, unsigned) {
  return LLVMFuzzerMutate(data, size, max_size);
}

struct Target {
  std::string_view name;
  void (*run)(const std::string& bytes);
  size_t (*mutate)(uint8_t* data, size_t size, size_t max_size, unsigned seed) = MutateBytes;
};

constexpr Target kTargets[] = {
    {"batch_line", BatchLine},
    {"chat_template", ChatTemplate},
    {"checkpoint_index", CheckpointIndex},
    {"journal", JournalPart},
    {"machine_profile", MachineProfileFile},
    {"model_config", ModelConfigFile},
    {"placement", ExpertPlacementFile},
    {"run_config", RunConfigFile},
    {"safetensors", SafetensorsHeader, MutateSafetensors},
    {"sentencepiece_model", SentencePieceFile},
    {"tokenizer_config", TokenizerConfigFiles},
    {"tokenizer_json", TokenizerJsonFile},
};

const Target* target = nullptr;

const Target* Find(std::string_view program) {
  for (const Target& each : kTargets) {
    if (program.substr(program.rfind('/') + 1) == each.name) return &each;
  }
  std::cerr << program << " is no target; run one of the links beside octet_fuzz:";
  for (const Target& each : kTargets) std::cerr << " " << each.name;
  std::cerr << "\n";
  std::exit(2);
}

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char*** argv) {
  google::protobuf::SetLogHandler(nullptr);
  octet::fuzz::target = octet::fuzz::Find((*argv)[0]);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  octet::fuzz::target->run(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return octet::fuzz::target->mutate(data, size, max_size, seed);
}
