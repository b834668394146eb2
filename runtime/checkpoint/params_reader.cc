#include "runtime/checkpoint/params_reader.h"

#include <absl/strings/str_cat.h>

#include <nlohmann/json.hpp>

#include "runtime/checkpoint/config_reader.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr int kDefaultPositions = 128'000;  // as in vLLM

int Required(ConfigReader& reader, const std::string& key, int most) {
  if (!reader.Has(key)) reader.Fail(key, "is missing; a positive integer must stand there");
  return reader.OptionalPositiveInt(key, most).value_or(1);
}

void ReadExperts(ConfigReader& reader, ModelConfig& config) {
  if (!reader.Has("moe")) {
    return reader.Fail("moe",
                       "is missing: a model without experts; Octet runs Mixtral models only");
  }
  ConfigReader moe(reader.Value("moe"), absl::StrCat(reader.where(), ": moe"));
  config.num_experts = Required(moe, "num_experts", kMostExperts);
  config.experts_per_token = Required(moe, "num_experts_per_tok", kMostExperts);
  if (config.experts_per_token > config.num_experts) {
    moe.Fail("num_experts_per_tok", absl::StrCat("is ", config.experts_per_token,
                                                 ", more than num_experts, ", config.num_experts));
  }
  reader.Update(moe.status());
  moe.WarnOfUnreadKeys({}, config.warnings);
}

void ReadParamsHeads(ConfigReader& reader, ModelConfig& config) {
  config.num_heads = Required(reader, "n_heads", kMostHeads);
  config.num_kv_heads =
      reader.OptionalPositiveInt("n_kv_heads", kMostHeads).value_or(config.num_heads);
  config.head_dim = reader.OptionalPositiveInt("head_dim", kMostHeadDim)
                        .value_or(config.hidden_size / config.num_heads);
  if (config.num_heads % config.num_kv_heads != 0) {
    reader.Fail("n_kv_heads", absl::StrCat("is ", config.num_kv_heads,
                                           ", which does not divide n_heads, ", config.num_heads));
  }
  if (config.head_dim % 2 != 0 || config.head_dim == 0) {
    reader.Fail("head_dim",
                absl::StrCat("is ", config.head_dim, "; rotary embedding needs an even one"));
  }
}

void ReadPositions(ConfigReader& reader, ModelConfig& config) {
  const auto stated = reader.OptionalPositiveInt("max_position_embeddings", kMostPositions);
  config.max_position_embeddings = reader.OptionalPositiveInt("max_seq_len", kMostPositions)
                                       .value_or(stated.value_or(kDefaultPositions));
  config.sliding_window = reader.OptionalPositiveInt("sliding_window");
  config.rope_theta = reader.OptionalNumber("rope_theta", 1, 1e15).value_or(config.rope_theta);
}

// Refuses features of other models of the same family.
void RefuseOtherModels(ConfigReader& reader) {
  for (const char* key :
       {"quantization", "yarn", "vision_encoder", "lora", "q_lora_rank", "llama_4_scaling"}) {
    if (!reader.Has(key)) continue;
    reader.Fail(key,
                "is set, which Octet does not compute; use the Hugging Face form of a "
                "Mixtral model (config.json and its safetensors)");
  }
  const std::string activation = reader.OptionalString("activation").value_or("silu");
  if (activation == "silu") return;
  reader.Fail("activation",
              absl::StrCat("is ", Quoted(activation), "; Octet computes 'silu' only"));
}

}  // namespace

absl::StatusOr<ModelConfig> ParseParams(const std::string& text, const std::string& path) {
  const auto document = ParseStrictJson(text, path);
  if (!document.ok()) return document.status();
  ConfigReader reader(*document, path);
  ModelConfig config;
  config.named_tokens.file = "params.json";
  config.eos_token_ids = {};
  RefuseOtherModels(reader);
  config.hidden_size = Required(reader, "dim", kMostHidden);
  config.intermediate_size = Required(reader, "hidden_dim", kMostIntermediate);
  config.num_layers = Required(reader, "n_layers", kMostLayers);
  config.vocab_size = Required(reader, "vocab_size", kMostVocabulary);
  ReadParamsHeads(reader, config);
  ReadExperts(reader, config);
  ReadPositions(reader, config);
  config.tie_word_embeddings = reader.Bool("tied_embeddings", false);
  config.rms_norm_eps =
      static_cast<float>(reader.OptionalNumber("norm_eps", 1e-30, 1).value_or(config.rms_norm_eps));
  reader.Update(CheckSizes(config, path));
  if (!reader.status().ok()) return reader.status();
  reader.WarnOfUnreadKeys({"model_type", "dtype", "max_batch_size", "use_cache"}, config.warnings);
  return config;
}

}  // namespace octet
