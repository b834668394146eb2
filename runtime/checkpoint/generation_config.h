// generation_config.json: what a model's author recommends to those who generate with it.

#ifndef OCTET_RUNTIME_CHECKPOINT_GENERATION_CONFIG_H_
#define OCTET_RUNTIME_CHECKPOINT_GENERATION_CONFIG_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/checkpoint/end_tokens.h"
#include "runtime/io/file.h"

namespace octet {

inline constexpr float kMaxTemperature = 2;  // as OpenAI
inline constexpr float kMaxRepetitionPenalty = 2;

// The values of a request that states none.
struct SamplingDefaults {
  float temperature = 1;
  float top_p = 1;
  int32_t top_k = 0;  // 0: all
  float min_p = 0;
  float repetition_penalty = 1;
  std::optional<int32_t> max_tokens;  // of a chat; absent: all that there is room for
};

// What the file states of sampling, in the form "temperature 0.6, top_k 20"; empty: nothing.
struct GenerationDefaults {
  SamplingDefaults sampling;
  std::string stated;
};

// Reads what vLLM takes from a directory's generation_config.json (vllm/config/model.py,
// get_diff_sampling_param): temperature, top_p, top_k, min_p, repetition_penalty and
// max_new_tokens, where they are not null and not transformers' own defaults, of which top_k 50 is
// one. Where there is no such file nothing is stated. A value that no request may state is an
// error, which names the file and the key.
absl::StatusOr<GenerationDefaults> LoadGenerationDefaults(FileSystem& files,
                                                          const std::string& directory);

// Those of a directory's generation_config.json; none where there is no such file.
absl::StatusOr<NamedTokens> LoadGenerationTokens(FileSystem& files, const std::string& directory);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GENERATION_CONFIG_H_
