#include "runtime/checkpoint/model_config.h"

#include "kernels/base/check.h"
#include "runtime/checkpoint/generation_config.h"
#include "runtime/checkpoint/params_reader.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

void CheckConfig(const absl::StatusOr<ModelConfig>& config) {
  if (!config.ok()) return CheckError(config.status());
  const absl::Status sizes = CheckSizes(*config, "m");
  OCTET_CHECK(sizes.ok()) << sizes;
  OCTET_CHECK(config->num_kv_heads >= 1 && config->num_heads % config->num_kv_heads == 0);
  OCTET_CHECK(config->head_dim >= 2 && config->head_dim % 2 == 0);
  OCTET_CHECK(config->experts_per_token >= 1 && config->experts_per_token <= config->num_experts);
  for (const std::string& warning : config->warnings) CheckMessage(warning);
}

void CheckGeneration(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["m/generation_config.json"] = bytes;
  const auto defaults = LoadGenerationDefaults(files, "m");
  if (!defaults.ok()) return CheckError(defaults.status());
  const SamplingDefaults& sampling = defaults->sampling;
  OCTET_CHECK(sampling.temperature >= 0 && sampling.temperature <= kMaxTemperature);
  OCTET_CHECK(sampling.top_p > 0 && sampling.top_p <= 1);
  OCTET_CHECK(sampling.min_p >= 0 && sampling.min_p <= 1);
  OCTET_CHECK(sampling.top_k >= 0 && sampling.max_tokens.value_or(1) >= 1);
  OCTET_CHECK(sampling.repetition_penalty > 0 &&
              sampling.repetition_penalty <= kMaxRepetitionPenalty);
  const auto tokens = LoadGenerationTokens(files, "m");
  if (!tokens.ok()) return CheckError(tokens.status());
  std::vector<std::string> warnings;
  JoinEndTokens({&*tokens, 1}, std::array{2}, 100, warnings);
  for (const std::string& warning : warnings) CheckMessage(warning);
}

}  // namespace

void ModelConfigFile(const std::string& bytes) {
  CheckConfig(ParseModelConfig(bytes, "m/config.json"));
  CheckConfig(ParseParams(bytes, "m/params.json"));
  CheckGeneration(bytes);
}

}  // namespace octet::fuzz
