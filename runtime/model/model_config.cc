#include "runtime/model/model_config.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/model/config_reader.h"

namespace octet {
namespace {

using nlohmann::json;

constexpr char kArchitecture[] = "MixtralForCausalLM";

// Keys that real files carry and that change nothing in inference: training, bookkeeping, and
// defaults of transformers' own interface.
constexpr const char* kIrrelevantKeys[] = {
    "_name_or_path",
    "_attn_implementation",
    "add_cross_attention",
    "attention_dropout",
    "auto_map",
    "chunk_size_feed_forward",
    "id2label",
    "initializer_range",
    "is_decoder",
    "is_encoder_decoder",
    "label2id",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "pad_token_id",
    "pretraining_tp",
    "problem_type",
    "return_dict",
    "router_aux_loss_coef",
    "router_jitter_noise",
    "torchscript",
    "transformers_version",
    "unk_token_id",
    "use_cache",
};

void ReadArchitecture(ConfigReader& reader) {
  const auto model_type = reader.OptionalString("model_type");
  if (model_type && *model_type != "mixtral") {
    reader.Fail("model_type",
                absl::StrCat("is ", Quoted(*model_type), "; Octet runs 'mixtral' models only"));
  }
  const json& architectures = reader.Value("architectures");
  if (reader.Has("architectures") && architectures != json::array({kArchitecture})) {
    reader.Fail("architectures",
                absl::StrCat("is not [\"", kArchitecture, "\"], the only one that Octet runs"));
  }
  if (!model_type && !reader.Has("architectures")) {
    reader.Fail("model_type",
                "is absent, and so is architectures; Octet runs 'mixtral' models only");
  }
}

void RefusePartialRotary(ConfigReader& reader) {
  if (reader.PositiveNumber("partial_rotary_factor", 1) == 1) return;
  reader.Fail("partial_rotary_factor", "is not 1; Octet rotates whole heads only");
}

// Features that other models have, and that would change the result if they were ignored.
void RefuseUnsupported(ConfigReader& reader) {
  if (reader.Has("quantization_config")) {
    reader.Fail("quantization_config", "is set; use the unquantised checkpoint (BF16, F16 or F32)");
  }
  const std::string hidden_act = reader.OptionalString("hidden_act").value_or("silu");
  if (hidden_act != "silu") {
    reader.Fail("hidden_act",
                absl::StrCat("is ", Quoted(hidden_act), "; Octet computes 'silu' only"));
  }
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (!reader.Bool(key, false)) continue;
    reader.Fail(key, "is true; Octet computes no biases, as Mixtral has none");
  }
  RefusePartialRotary(reader);
}

void ReadSizes(ConfigReader& reader, ModelConfig& config) {
  config.vocab_size = reader.PositiveInt("vocab_size", config.vocab_size);
  config.hidden_size = reader.PositiveInt("hidden_size", config.hidden_size);
  config.intermediate_size = reader.PositiveInt("intermediate_size", config.intermediate_size);
  config.num_layers = reader.PositiveInt("num_hidden_layers", config.num_layers);
  config.num_heads = reader.PositiveInt("num_attention_heads", config.num_heads);
  config.num_experts = reader.PositiveInt("num_local_experts", config.num_experts);
  config.experts_per_token = reader.PositiveInt("num_experts_per_tok", config.experts_per_token);
  config.max_position_embeddings =
      reader.PositiveInt("max_position_embeddings", config.max_position_embeddings);
  config.sliding_window = reader.OptionalPositiveInt("sliding_window");
  config.tie_word_embeddings = reader.Bool("tie_word_embeddings", config.tie_word_embeddings);
  config.rms_norm_eps =
      static_cast<float>(reader.PositiveNumber("rms_norm_eps", config.rms_norm_eps));
  if (!std::isfinite(config.rms_norm_eps))
    reader.Fail("rms_norm_eps", "is above what a float32 can hold");
  if (config.experts_per_token > config.num_experts) {
    reader.Fail("num_experts_per_tok",
                absl::StrCat("is ", config.experts_per_token, ", more than num_local_experts, ",
                             config.num_experts));
  }
}

// Absent, there are 8 key/value heads; null, as many as heads (transformers, for older files).
void ReadHeads(ConfigReader& reader, ModelConfig& config) {
  if (reader.IsNull("num_key_value_heads")) {
    config.num_kv_heads = config.num_heads;
  } else {
    config.num_kv_heads = reader.PositiveInt("num_key_value_heads", config.num_kv_heads);
  }
  if (config.num_heads % config.num_kv_heads != 0) {
    reader.Fail("num_key_value_heads",
                absl::StrCat("is ", config.num_kv_heads,
                             " (8 where it is absent), which does not divide "
                             "num_attention_heads, ",
                             config.num_heads));
  }
  const auto head_dim = reader.OptionalPositiveInt("head_dim");
  if (!head_dim && config.hidden_size % config.num_heads != 0) {
    reader.Fail("hidden_size",
                absl::StrCat("is ", config.hidden_size, ", not a multiple of num_attention_heads, ",
                             config.num_heads, "; state head_dim"));
  }
  config.head_dim = head_dim.value_or(config.hidden_size / config.num_heads);
  if (config.head_dim % 2 != 0) {
    reader.Fail("head_dim",
                absl::StrCat("is ", config.head_dim, "; rotary embedding needs an even one"));
  }
}

void WarnOfUnknownKeys(const ConfigReader& reader, const std::string& where,
                       std::vector<std::string>& warnings) {
  const std::set<std::string> irrelevant(std::begin(kIrrelevantKeys), std::end(kIrrelevantKeys));
  for (const std::string& key : reader.UnreadKeys()) {
    if (irrelevant.contains(key)) continue;
    warnings.push_back(absl::StrCat(where, ": unknown key ", Quoted(key), " has no effect"));
  }
}

// Rotary embedding as an object under `key`: rope_scaling in transformers 4, rope_parameters in 5.
// Returns its rope_theta, if it states one.
std::optional<double> ReadRope(ConfigReader& reader, const std::string& path,
                               const std::string& key, std::vector<std::string>& warnings) {
  if (!reader.Has(key)) return std::nullopt;
  const std::string where = absl::StrCat(path, ": ", key);
  ConfigReader rope(reader.Value(key), where);
  for (const char* type_key : {"rope_type", "type"}) {
    const std::string type = rope.OptionalString(type_key).value_or("default");
    if (type == "default") continue;
    rope.Fail(type_key, absl::StrCat("is ", Quoted(type),
                                     "; Octet computes 'default' rotary embedding only"));
  }
  RefusePartialRotary(rope);
  std::optional<double> theta;
  if (rope.Has("rope_theta")) theta = rope.PositiveNumber("rope_theta", 1);
  for (const auto& [name, value] : reader.Value(key).items()) {
    if (!value.is_structured()) continue;
    rope.Fail(name, "is not a number or string; Octet rotates all layers alike");
  }
  reader.Update(rope.status());
  WarnOfUnknownKeys(rope, where, warnings);
  return theta;
}

// Stated more than once, the inner one counts, as in transformers.
void ReadRopeTheta(ConfigReader& reader, const std::string& path, ModelConfig& config) {
  const double outer = reader.PositiveNumber("rope_theta", config.rope_theta);
  const auto parameters = ReadRope(reader, path, "rope_parameters", config.warnings);
  const auto scaling = ReadRope(reader, path, "rope_scaling", config.warnings);
  config.rope_theta = scaling.value_or(parameters.value_or(outer));
  const bool contradicted = (reader.Has("rope_theta") && outer != config.rope_theta) ||
                            (parameters && *parameters != config.rope_theta);
  if (contradicted) {
    config.warnings.push_back(absl::StrCat(path, ": states several values of rope_theta; ",
                                           config.rope_theta, " is used"));
  }
}

// transformers 5 writes dtype, 4 torch_dtype; the newer one counts.
void ReadDType(ConfigReader& reader, ModelConfig& config) {
  for (const char* key : {"torch_dtype", "dtype"}) {
    const auto name = reader.OptionalString(key);
    if (!name) continue;
    config.stored_dtype = std::nullopt;
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      if (*name == Name(dtype)) config.stored_dtype = dtype;
    }
    if (config.stored_dtype) continue;
    reader.Fail(key,
                absl::StrCat("is ", Quoted(*name), "; Octet reads float32, bfloat16 and float16"));
  }
}

void ReadTokenIds(ConfigReader& reader, ModelConfig& config) {
  if (const auto bos = reader.TokenIds("bos_token_id")) {
    if (bos->size() > 1) reader.Fail("bos_token_id", "is a list; a sequence begins with one token");
    config.bos_token_id = bos->empty() ? std::nullopt : std::optional<int32_t>(bos->front());
  }
  if (config.bos_token_id.value_or(0) >= config.vocab_size) {
    reader.Fail("bos_token_id", absl::StrCat("is ", *config.bos_token_id,
                                             ", not below vocab_size, ", config.vocab_size));
  }
  config.eos_token_ids = reader.TokenIds("eos_token_id").value_or(config.eos_token_ids);
}

// There is no logit for them.
void DropEndTokensOutsideTheVocabulary(const std::string& path, ModelConfig& config) {
  std::erase_if(config.eos_token_ids, [&](int32_t id) {
    if (id < config.vocab_size) return false;
    config.warnings.push_back(absl::StrCat(path, ": eos_token_id ", id,
                                           " is not below vocab_size, ", config.vocab_size,
                                           ", so no sequence will end with it"));
    return true;
  });
}

// The eos_token_id of generation_config.json, where it states one.
absl::Status ReadGenerationConfig(FileSystem& file_system, const std::string& path,
                                  ModelConfig& config) {
  const auto text = file_system.ReadWhole(path);
  if (!text.ok()) return text.status();
  const auto document = ParseStrictJson(*text, path);
  if (!document.ok()) return document.status();
  ConfigReader reader(*document, path);
  if (reader.Has("eos_token_id")) config.eos_token_ids = *reader.TokenIds("eos_token_id");
  return reader.status();
}

absl::StatusOr<ModelConfig> Parse(const std::string& text, const std::string& path) {
  const auto document = ParseStrictJson(text, path);
  if (!document.ok()) return document.status();
  ConfigReader reader(*document, path);
  ModelConfig config;
  ReadArchitecture(reader);
  RefuseUnsupported(reader);
  ReadSizes(reader, config);
  ReadHeads(reader, config);
  ReadRopeTheta(reader, path, config);
  ReadDType(reader, config);
  ReadTokenIds(reader, config);
  if (!reader.status().ok()) return reader.status();

  WarnOfUnknownKeys(reader, path, config.warnings);
  return config;
}

}  // namespace

absl::StatusOr<ModelConfig> ParseModelConfig(const std::string& json, const std::string& path) {
  auto config = Parse(json, path);
  if (config.ok()) DropEndTokensOutsideTheVocabulary(path, *config);
  return config;
}

absl::StatusOr<ModelConfig> LoadModelConfig(FileSystem& file_system, const std::string& directory) {
  if (!file_system.IsDirectory(directory)) {
    return absl::NotFoundError(absl::StrCat(
        directory,
        ": no such directory; a Hugging Face model directory with config.json is looked for"));
  }
  const std::string path = JoinPath(directory, "config.json");
  if (!file_system.IsFile(path)) {
    return absl::NotFoundError(absl::StrCat(
        path, ": no such file; a Hugging Face model directory has it beside the weights"));
  }
  const auto text = file_system.ReadWhole(path);
  if (!text.ok()) return text.status();
  auto config = Parse(*text, path);
  if (!config.ok()) return config;

  const std::string generation_path = JoinPath(directory, "generation_config.json");
  if (file_system.IsFile(generation_path)) {
    const absl::Status status = ReadGenerationConfig(file_system, generation_path, *config);
    if (!status.ok()) return status;
  }
  DropEndTokensOutsideTheVocabulary(directory, *config);
  return config;
}

}  // namespace octet
