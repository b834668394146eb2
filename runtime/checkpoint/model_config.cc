#include "runtime/checkpoint/model_config.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "runtime/checkpoint/config_reader.h"
#include "runtime/checkpoint/gguf_config.h"
#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/model_path.h"
#include "runtime/checkpoint/params_reader.h"
#include "runtime/checkpoint/rope_config.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

constexpr char kArchitecture[] = "MixtralForCausalLM";

// Keys that real files have and that change nothing in inference: training, bookkeeping, and
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

// Returns a few of the names in a list, or what is there instead.
std::string ShownNames(const json& names) {
  constexpr size_t kMostShown = 3;
  if (!names.is_array() || names.empty()) return "not a list of names";
  std::vector<std::string> shown;
  for (const json& name : names) {
    if (!name.is_string()) return "not a list of names";
    if (shown.size() < kMostShown) shown.push_back(Quoted(name.get<std::string>()));
  }
  return absl::StrJoin(shown, ", ");
}

void ReadArchitecture(ConfigReader& reader) {
  const json& architectures = reader.Value("architectures");
  const bool has_architectures = reader.Has("architectures");
  const auto model_type = reader.OptionalString("model_type");
  if (model_type && *model_type != "mixtral") {
    reader.Fail("model_type",
                absl::StrCat("is ", Quoted(*model_type), "; Octet runs 'mixtral' models only"));
  }
  if (has_architectures && architectures != json::array({kArchitecture})) {
    reader.Fail("architectures", absl::StrCat("is ", ShownNames(architectures), "; Octet runs '",
                                              kArchitecture, "' only"));
  }
  if (!model_type && !has_architectures) {
    reader.Fail("model_type",
                "is absent, and so is architectures; Octet runs 'mixtral' models only");
  }
}

// Refuses GPTQ, AWQ, bitsandbytes, FP8 and others: their stored weights are not the model's.
void RefuseQuantization(ConfigReader& reader) {
  const json& quantization = reader.Value("quantization_config");
  if (!reader.Has("quantization_config")) return;
  std::string method = "is set";
  if (quantization.is_object()) {
    ConfigReader inner(quantization, "");
    if (const auto name = inner.OptionalString("quant_method")) {
      method = absl::StrCat("says quant_method ", Quoted(*name));
    }
  }
  reader.Fail("quantization_config",
              absl::StrCat(method, "; use the unquantised checkpoint (BF16, F16 or F32)"));
}

// Refuses features of other models that would change the result if they were ignored.
void RefuseUnsupported(ConfigReader& reader) {
  RefuseQuantization(reader);
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
  config.vocab_size = reader.PositiveInt("vocab_size", config.vocab_size, kMostVocabulary);
  config.hidden_size = reader.PositiveInt("hidden_size", config.hidden_size, kMostHidden);
  config.intermediate_size =
      reader.PositiveInt("intermediate_size", config.intermediate_size, kMostIntermediate);
  config.num_layers = reader.PositiveInt("num_hidden_layers", config.num_layers, kMostLayers);
  config.num_heads = reader.PositiveInt("num_attention_heads", config.num_heads, kMostHeads);
  config.num_experts = reader.PositiveInt("num_local_experts", config.num_experts, kMostExperts);
  config.experts_per_token =
      reader.PositiveInt("num_experts_per_tok", config.experts_per_token, kMostExperts);
  config.max_position_embeddings =
      reader.PositiveInt("max_position_embeddings", config.max_position_embeddings, kMostPositions);
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

// If the key is absent, there are 8 key/value heads; if it is null, as many as heads (transformers,
// for older files).
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
  const auto head_dim = reader.OptionalPositiveInt("head_dim", kMostHeadDim);
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

// transformers 5 writes dtype, 4 writes torch_dtype; the newer one counts.
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
  config.named_tokens.file = "config.json";
  if (const auto bos = reader.TokenIds("bos_token_id")) {
    if (bos->size() > 1) reader.Fail("bos_token_id", "is a list; a sequence begins with one token");
    if (bos->size() == 1) config.named_tokens.bos = bos->front();
  }
  if (const auto eos = reader.TokenIds("eos_token_id")) {
    config.named_tokens.eos = *eos;
    config.eos_token_ids = *eos;
  }
  // Ids beyond the vocabulary have no logit.
  std::erase_if(config.eos_token_ids, [&](int32_t id) { return id >= config.vocab_size; });
}

}  // namespace

absl::Status CheckSizes(const ModelConfig& c, const std::string& path) {
  const int64_t experts = int64_t{c.num_layers} * c.num_experts;
  if (experts > kMostExpertsInAll) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": num_hidden_layers x num_local_experts is ", experts,
                     "; Octet takes at most ", kMostExpertsInAll));
  }
  const double hidden = c.hidden_size;
  const double attention = 2.0 * (c.num_heads + c.num_kv_heads) * c.head_dim * hidden;
  const double parameters = static_cast<double>(experts) * 3 * c.intermediate_size * hidden +
                            c.num_layers * attention + 2.0 * c.vocab_size * hidden;
  if (parameters > kMostParameters) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": describes a model of ", parameters,
                     " weights, which no machine holds; a size in it must be wrong"));
  }
  const double cache =
      2.0 * sizeof(float) * c.num_kv_heads * c.head_dim * c.num_layers * c.max_position_embeddings;
  if (cache <= kMostCacheBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": the keys and values of one longest text would take ", cache,
                   " bytes; a size in it must be wrong"));
}

absl::StatusOr<ModelConfig> ParseModelConfig(const std::string& text, const std::string& path) {
  const auto document = ParseStrictJson(text, path);
  if (!document.ok()) return document.status();
  ConfigReader reader(*document, path);
  ModelConfig config;
  ReadArchitecture(reader);
  RefuseUnsupported(reader);
  ReadSizes(reader, config);
  ReadHeads(reader, config);
  ReadRope(reader, config);
  ReadDType(reader, config);
  ReadTokenIds(reader, config);
  reader.Update(CheckSizes(config, path));
  if (!reader.status().ok()) return reader.status();
  reader.WarnOfUnreadKeys({std::begin(kIrrelevantKeys), std::end(kIrrelevantKeys)},
                          config.warnings);
  return config;
}

absl::StatusOr<ModelConfig> LoadDirectoryConfig(FileSystem& file_system,
                                                const std::string& directory) {
  const absl::Status status = CheckModelDirectory(file_system, directory);
  if (!status.ok()) return status;
  const std::string config = JoinPath(directory, "config.json");
  const std::string params = JoinPath(directory, "params.json");
  const bool has_config = file_system.IsFile(config);
  if (!has_config && !file_system.IsFile(params)) return NoConfigError(file_system, directory);
  const std::string& path = has_config ? config : params;
  const auto text = file_system.ReadWhole(path);
  if (!text.ok()) return text.status();
  return has_config ? ParseModelConfig(*text, path) : ParseParams(*text, path);
}

absl::StatusOr<ModelConfig> LoadModelConfig(FileSystem& file_system, const std::string& path) {
  const absl::StatusOr<std::optional<std::string>> gguf = FindGguf(file_system, path);
  if (!gguf.ok()) return gguf.status();
  if (!gguf->has_value()) return LoadDirectoryConfig(file_system, path);
  const absl::StatusOr<GgufModel> model = GgufModel::Open(file_system, **gguf);
  return model.ok() ? ReadGgufConfig(*model) : model.status();
}

}  // namespace octet
