#include "runtime/checkpoint/gguf_config.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "runtime/checkpoint/config_reader.h"
#include "runtime/checkpoint/gguf_json.h"
#include "runtime/checkpoint/gguf_rope.h"
#include "runtime/checkpoint/gguf_token_id.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// Keys of an architecture that change nothing in Mixtral's inference.
constexpr const char* kKeysWithoutUse[] = {"tensor_data_layout", "pooling_type"};

// A key that changes the arithmetic, and the values with which it does not.
struct Neutral {
  const char* key;
  double value;
  double other;  // 0 often means that nothing is stated
};

constexpr Neutral kNeutral[] = {
    {"attention.causal", 1, 1},
    {"attention.clamp_kqv", 0, 0},
    {"attention.indexer.top_k", 0, 0},
    {"attention.kv_lora_rank", 0, 0},
    {"attention.max_alibi_bias", 0, 0},
    {"attention.output_scale", 0, 1},
    {"attention.q_lora_rank", 0, 0},
    {"attention.shared_kv_layers", 0, 0},
    {"attention.temperature_length", 0, 0},
    {"attention.temperature_scale", 0, 0},
    {"attention.value_scale", 0, 1},
    {"attn_logit_softcapping", 0, 0},
    {"embedding_scale", 0, 1},
    {"expert_chunk_feed_forward_length", 0, 0},
    {"expert_gating_func", 0, 1},  // softmax
    {"expert_group_count", 0, 1},
    {"expert_group_scale", 0, 1},
    {"expert_group_used_count", 0, 1},
    {"expert_shared_count", 0, 0},
    {"expert_shared_feed_forward_length", 0, 0},
    {"expert_weights_norm", 1, 1},
    {"expert_weights_scale", 0, 1},
    {"final_logit_softcapping", 0, 0},
    {"interleave_moe_layer_step", 0, 1},
    {"leading_dense_block_count", 0, 0},
    {"logit_scale", 0, 1},
    {"moe_every_n_layers", 0, 1},
    {"nextn_predict_layers", 0, 0},
    {"residual_scale", 0, 1},
    {"router_logit_softcapping", 0, 0},
    {"swin_norm", 0, 0},
    {"use_parallel_residual", 0, 0},
};

// The keys of one architecture.
class GgufKeys {
 public:
  GgufKeys(ConfigReader& reader, std::string architecture)
      : reader_(reader), architecture_(std::move(architecture)) {}

  std::string Key(const char* name) const { return absl::StrCat(architecture_, ".", name); }

  int Required(const char* name, int most) {
    if (!reader_.Has(Key(name))) Missing(name);
    return reader_.OptionalPositiveInt(Key(name), most).value_or(1);
  }

  std::optional<int> Optional(const char* name, int most) {
    return reader_.OptionalPositiveInt(Key(name), most);
  }

  void Missing(const char* name) {
    reader_.Fail(Key(name), "is missing from the metadata; convert the model to GGUF anew");
  }

  void Fail(const char* name, const std::string& rule) { reader_.Fail(Key(name), rule); }

  ConfigReader& reader() { return reader_; }
  const std::string& architecture() const { return architecture_; }

 private:
  ConfigReader& reader_;
  std::string architecture_;
};

// Returns the architecture if it may be a Mixtral model's.
absl::StatusOr<std::string> ReadArchitecture(const GgufModel& model, const std::string& path) {
  const nlohmann::json general = ToJson(model.metadata(), "general.");
  ConfigReader reader(general, path);
  const auto architecture = reader.OptionalString("general.architecture");
  if (!architecture) {
    reader.Fail("general.architecture",
                "is missing from the metadata; Octet runs 'llama' models "
                "with experts, and 'mixtral'");
  } else if (*architecture != "llama" && *architecture != "mixtral") {
    reader.Fail("general.architecture",
                absl::StrCat("is ", Quoted(*architecture),
                             "; Octet runs 'llama' models with experts, and 'mixtral'"));
  }
  const std::string type = reader.OptionalString("general.type").value_or("model");
  if (type != "model") {
    reader.Fail("general.type",
                absl::StrCat("is ", Quoted(type), ", not 'model': the file is ", "no whole model"));
  }
  if (!reader.status().ok()) return reader.status();
  return *architecture;
}

void RefuseOtherArithmetic(GgufKeys& keys) {
  ConfigReader& reader = keys.reader();
  for (const auto& [name, value, other] : kNeutral) {
    const std::string key = keys.Key(name);
    if (!reader.Has(key)) continue;
    const nlohmann::json& stated = reader.Value(key);
    const double number = stated.is_boolean()  ? static_cast<double>(stated.get<bool>())
                          : stated.is_number() ? stated.get<double>()
                                               : NAN;
    if (number == value || number == other) continue;
    reader.Fail(
        key, absl::StrCat("is ",
                          stated.is_primitive() && !stated.is_string() ? stated.dump()
                                                                       : std::string("no number"),
                          "; Octet computes Mixtral's arithmetic only, with ", other));
  }
}

void ReadSizes(GgufKeys& keys, ModelConfig& config) {
  config.num_layers = keys.Required("block_count", kMostLayers);
  config.hidden_size = keys.Required("embedding_length", kMostHidden);
  config.max_position_embeddings = keys.Required("context_length", kMostPositions);
  const auto of_expert = keys.Optional("expert_feed_forward_length", kMostIntermediate);
  config.intermediate_size =
      of_expert ? *of_expert : keys.Required("feed_forward_length", kMostIntermediate);
  keys.reader().Value(keys.Key("feed_forward_length"));
  const std::string epsilon = keys.Key("attention.layer_norm_rms_epsilon");
  if (!keys.reader().Has(epsilon)) keys.Missing("attention.layer_norm_rms_epsilon");
  config.rms_norm_eps =
      static_cast<float>(keys.reader().OptionalNumber(epsilon, 1e-30, 1).value_or(1));
  const auto window =
      keys.reader().OptionalInt(keys.Key("attention.sliding_window"), 0, kMostPositions);
  if (window.value_or(0) > 0) config.sliding_window = window;
}

void ReadExperts(GgufKeys& keys, ModelConfig& config) {
  const std::string count = keys.Key("expert_count");
  if (keys.reader().OptionalInt(count, 0, kMostExperts).value_or(0) == 0) {
    keys.Fail("expert_count",
              "is missing or 0: a model without experts; Octet runs Mixtral "
              "models only");
  }
  config.num_experts = keys.Optional("expert_count", kMostExperts).value_or(1);
  const int64_t in_all = int64_t{config.num_experts} * config.num_layers;
  if (in_all > kMostExpertsInAll) {
    keys.Fail("expert_count", absl::StrCat("times ", keys.Key("block_count"), " is ", in_all,
                                           "; Octet takes at most ", kMostExpertsInAll));
  }
  config.experts_per_token = keys.Required("expert_used_count", kMostExperts);
  if (config.experts_per_token > config.num_experts) {
    keys.Fail("expert_used_count", absl::StrCat("is ", config.experts_per_token, ", more than ",
                                                count, ", ", config.num_experts));
  }
}

void ReadHeads(GgufKeys& keys, ModelConfig& config) {
  config.num_heads = keys.Required("attention.head_count", kMostHeads);
  config.num_kv_heads =
      keys.Optional("attention.head_count_kv", kMostHeads).value_or(config.num_heads);
  if (config.num_heads % config.num_kv_heads != 0) {
    keys.Fail("attention.head_count_kv",
              absl::StrCat("is ", config.num_kv_heads, ", which does not divide ",
                           keys.Key("attention.head_count"), ", ", config.num_heads));
  }
  const auto head_dim = keys.Optional("attention.key_length", kMostHeadDim);
  if (!head_dim && config.hidden_size % config.num_heads != 0) {
    keys.Fail("embedding_length",
              absl::StrCat("is ", config.hidden_size, ", not a multiple of ",
                           keys.Key("attention.head_count"), ", ", config.num_heads,
                           ", and there is no ", keys.Key("attention.key_length")));
  }
  config.head_dim = head_dim.value_or(config.hidden_size / config.num_heads);
  if (config.head_dim % 2 != 0 || config.head_dim == 0) {
    keys.Fail("attention.key_length",
              absl::StrCat("is ", config.head_dim, "; rotary embedding needs an even one"));
  }
  const int value_dim =
      keys.Optional("attention.value_length", kMostHeadDim).value_or(config.head_dim);
  if (value_dim != config.head_dim) {
    keys.Fail("attention.value_length",
              absl::StrCat("is ", value_dim, ", but keys have ", config.head_dim,
                           " dimensions; Octet computes with equal ones"));
  }
  const std::string scale = keys.Key("attention.scale");
  const double stated = keys.reader().OptionalNumber(scale, -1e9, 1e9).value_or(0);
  const double usual = 1 / std::sqrt(static_cast<double>(config.head_dim));
  if (stated != 0 && std::abs(stated - usual) > 1e-6 * usual) {
    keys.Fail("attention.scale",
              absl::StrCat("is ", stated, "; Octet computes with ", usual, ", as Mixtral"));
  }
}

// If it is not stated, the vocabulary has the size of the list of tokens, as in llama.cpp.
void ReadVocabularySize(GgufKeys& keys, const GgufMetadata& metadata, ModelConfig& config) {
  if (const auto stated = keys.Optional("vocab_size", kMostVocabulary)) {
    config.vocab_size = *stated;
    return;
  }
  const GgufValue* tokens = metadata.Find("tokenizer.ggml.tokens");
  const auto* list = tokens == nullptr ? nullptr : std::get_if<std::vector<std::string>>(tokens);
  if (list == nullptr || list->empty() || list->size() > kMostVocabulary) {
    return keys.Fail("vocab_size",
                     "is missing from the metadata, and so are "
                     "tokenizer.ggml.tokens; convert the model to GGUF anew");
  }
  config.vocab_size = static_cast<int>(list->size());
}

// The end tokens are all that the metadata name. llama.cpp's default is that of SentencePiece.
absl::Status ReadEndTokens(const GgufMetadata& metadata, const std::string& path,
                           ModelConfig& config) {
  const nlohmann::json tokenizer = ToJson(metadata, kGgufTokenizer);
  ConfigReader reader(tokenizer, path);
  config.named_tokens.file = path;
  config.named_tokens.bos = ReadGgufTokenId(reader, "tokenizer.ggml.bos_token_id");
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                          "tokenizer.ggml.eom_token_id"}) {
    if (const auto id = ReadGgufTokenId(reader, key)) config.named_tokens.eos.push_back(*id);
  }
  if (reader.Has("tokenizer.ggml.eos_token_id")) config.eos_token_ids = {};
  return reader.status();
}

// Warns about unknown keys of the architecture.
void WarnOfUnknownKeys(const GgufKeys& keys, const ConfigReader& reader, ModelConfig& config) {
  std::set<std::string> harmless;
  for (const char* key : kKeysWithoutUse) harmless.insert(keys.Key(key));
  reader.WarnOfUnreadKeys(harmless, config.warnings);
}

// Warns that recommendations for sampling are not followed.
void WarnOfSampling(const GgufMetadata& metadata, const std::string& path, ModelConfig& config) {
  for (const auto& [key, value] : metadata.entries()) {
    if (!absl::StartsWith(key, "general.sampling.")) continue;
    config.warnings.push_back(
        absl::StrCat(path, ": its recommendations for sampling (", Escaped(key),
                     " and the like) have no effect; requests state their own values"));
    return;
  }
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGgufConfig(const GgufModel& model) {
  const std::string& path = model.files().front().file().path();
  const absl::StatusOr<std::string> architecture = ReadArchitecture(model, path);
  if (!architecture.ok()) return architecture.status();
  const nlohmann::json object = ToJson(model.metadata(), *architecture + ".");
  ConfigReader reader(object, path);
  GgufKeys keys(reader, *architecture);
  ModelConfig config;
  ReadSizes(keys, config);
  ReadExperts(keys, config);
  ReadHeads(keys, config);
  ReadVocabularySize(keys, model.metadata(), config);
  RefuseOtherArithmetic(keys);
  ReadGgufRope(reader, *architecture, config);
  reader.Update(ReadEndTokens(model.metadata(), path, config));
  reader.Update(CheckSizes(config, path));
  if (!reader.status().ok()) return reader.status();
  config.tie_word_embeddings = !model.Has("output.weight");
  WarnOfUnknownKeys(keys, reader, config);
  WarnOfSampling(model.metadata(), path, config);
  return config;
}

}  // namespace octet
