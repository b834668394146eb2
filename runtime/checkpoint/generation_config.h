// generation_config.json: the model author's recommendations for generation.

#ifndef OCTET_RUNTIME_CHECKPOINT_GENERATION_CONFIG_H_
#define OCTET_RUNTIME_CHECKPOINT_GENERATION_CONFIG_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/checkpoint/end_tokens.h"
#include "runtime/io/file.h"

namespace octet {

inline constexpr float kMaxTemperature = 2;  // as in OpenAI's interface
inline constexpr float kMaxRepetitionPenalty = 2;

// The values for a request that states none.
struct SamplingDefaults {
  float temperature = 1;
  float top_p = 1;
  int32_t top_k = 0;  // 0 means all
  float min_p = 0;
  float repetition_penalty = 1;
  std::optional<int32_t> max_tokens;  // of a chat; if absent, as many as there is room for
};

// The sampling defaults of the file, and the values it states in the form "temperature 0.6, top_k
// 20"; empty if it states none.
struct GenerationDefaults {
  SamplingDefaults sampling;
  std::string stated;
};

// Reads what vLLM reads from a directory's generation_config.json (vllm/config/model.py,
// get_diff_sampling_param): temperature, top_p, top_k, min_p, repetition_penalty and
// max_new_tokens. Ignores null and transformers' own defaults, such as top_k 50. Without such a
// file, nothing is stated. A value that no request may state is an error, which names the file and
// the key.
absl::StatusOr<GenerationDefaults> LoadGenerationDefaults(FileSystem& files,
                                                          const std::string& directory);

// Returns the tokens that a directory's generation_config.json names; none if there is no such
// file.
absl::StatusOr<NamedTokens> LoadGenerationTokens(FileSystem& files, const std::string& directory);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GENERATION_CONFIG_H_
