// One function for each parser that reads what may come from anywhere. Each takes any bytes, and
// ends the process where the parser breaks its word; the sanitizers, time and memory are watched
// around it.

#ifndef OCTET_TESTS_FUZZ_TARGETS_H_
#define OCTET_TESTS_FUZZ_TARGETS_H_

#include <string>
#include <string_view>

namespace octet::fuzz {

void BatchLine(const std::string& bytes);            // one line of a batch's input
void ChatTemplate(const std::string& bytes);         // a Jinja template, parsed and rendered
void CheckpointIndex(const std::string& bytes);      // model.safetensors.index.json
void ExpertCallsFile(const std::string& bytes);      // --routing counts:FILE, one of calls
void ExpertCountsFile(const std::string& bytes);     // --expert-counts
void ExpertPlacementFile(const std::string& bytes);  // --placement, and the files that it names
void GgufHeader(const std::string& bytes);           // a GGUF file, or two parts of one
void JournalPart(const std::string& bytes);          // what an earlier attempt left
void MachineProfileFile(const std::string& bytes);   // what octet bench saved
void ModelConfigFile(const std::string& bytes);  // config.json, params.json, generation_config.json
void RoutingTrace(const std::string& bytes);     // what --trace wrote
void RunConfigFile(const std::string& bytes);    // --config
void SafetensorsHeader(const std::string& bytes);     // a .safetensors file
void SentencePieceFile(const std::string& bytes);     // tokenizer.model
void TokenizerConfigFiles(const std::string& bytes);  // tokenizer_config.json and the two beside it
void TokenizerJsonFile(const std::string& bytes);     // tokenizer.json

using Target = void (*)(const std::string& bytes);

// By the name of its corpus; ends the process where there is none.
Target FindTarget(std::string_view name);

}  // namespace octet::fuzz

#endif  // OCTET_TESTS_FUZZ_TARGETS_H_
