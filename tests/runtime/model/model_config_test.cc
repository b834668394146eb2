#include "runtime/model/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A valid config.json with some keys replaced by those of `patch`.
std::string ConfigJson(const std::string& patch) {
  json config = {{"architectures", {"MixtralForCausalLM"}}, {"model_type", "mixtral"}};
  config.update(ParseJson(patch));
  return config.dump();
}

absl::StatusOr<ModelConfig> Parse(const std::string& patch) {
  return ParseModelConfig(ConfigJson(patch), "config.json");
}

TEST(ModelConfigTest, DefaultsAreThoseOfMixtral8x7B) {
  const auto config = ParseModelConfig(R"({"model_type": "mixtral"})", "config.json");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->vocab_size, 32000);
  EXPECT_EQ(config->hidden_size, 4096);
  EXPECT_EQ(config->intermediate_size, 14336);
  EXPECT_EQ(config->num_layers, 32);
  EXPECT_EQ(config->num_heads, 32);
  EXPECT_EQ(config->num_kv_heads, 8);
  EXPECT_EQ(config->head_dim, 128);
  EXPECT_EQ(config->num_experts, 8);
  EXPECT_EQ(config->experts_per_token, 2);
  EXPECT_EQ(config->max_position_embeddings, 131072);
  EXPECT_EQ(config->rms_norm_eps, 1e-5F);
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_EQ(config->sliding_window, std::nullopt);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_EQ(config->bos_token_id, 1);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2));
  EXPECT_EQ(config->stored_dtype, std::nullopt);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST(ModelConfigTest, ReadsEveryField) {
  const auto config = Parse(R"({
      "vocab_size": 517, "hidden_size": 80, "intermediate_size": 72, "num_hidden_layers": 3,
      "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 32, "num_local_experts": 5,
      "num_experts_per_tok": 4, "max_position_embeddings": 100, "rms_norm_eps": 1e-6,
      "rope_theta": 10000, "sliding_window": 16, "tie_word_embeddings": true, "bos_token_id": 7,
      "eos_token_id": [8, 9], "torch_dtype": "bfloat16"})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->vocab_size, 517);
  EXPECT_EQ(config->hidden_size, 80);
  EXPECT_EQ(config->intermediate_size, 72);
  EXPECT_EQ(config->num_layers, 3);
  EXPECT_EQ(config->num_heads, 6);
  EXPECT_EQ(config->num_kv_heads, 3);
  EXPECT_EQ(config->head_dim, 32);
  EXPECT_EQ(config->num_experts, 5);
  EXPECT_EQ(config->experts_per_token, 4);
  EXPECT_EQ(config->max_position_embeddings, 100);
  EXPECT_EQ(config->rms_norm_eps, 1e-6F);
  EXPECT_EQ(config->rope_theta, 10000);
  EXPECT_EQ(config->sliding_window, 16);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(config->bos_token_id, 7);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(8, 9));
  EXPECT_EQ(config->stored_dtype, DType::kBF16);
}

TEST(ModelConfigTest, NullMeansWhatTransformersMakesOfIt) {
  const auto config = Parse(R"({
      "num_key_value_heads": null, "head_dim": null, "sliding_window": null, "rope_scaling": null,
      "quantization_config": null, "bos_token_id": null, "eos_token_id": null, "torch_dtype": null})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->num_kv_heads, 32);
  EXPECT_EQ(config->head_dim, 128);
  EXPECT_EQ(config->bos_token_id, std::nullopt);
  EXPECT_THAT(config->eos_token_ids, IsEmpty());
}

TEST(ModelConfigTest, RopeThetaInEitherPlace) {
  const struct {
    const char* patch;
    double theta;
    size_t warnings;
  } cases[] = {
      {R"({"rope_parameters": {"rope_type": "default", "rope_theta": 50000.0}})", 50000, 0},
      {R"({"rope_parameters": {"rope_theta": 50000.0}, "rope_theta": 50000})", 50000, 0},
      {R"({"rope_parameters": {"rope_type": "default"}, "rope_theta": 70000})", 70000, 0},
      {R"({"rope_scaling": {"type": "default"}, "rope_theta": 70000})", 70000, 0},
      {R"({"rope_scaling": {"rope_type": "default", "rope_theta": 3}})", 3, 0},
      {R"({"rope_parameters": {"rope_theta": 50000.0}, "rope_theta": 70000})", 50000, 1},
      {R"({"rope_parameters": {"rope_theta": 50000.0, "factor": 1.0}})", 50000, 1},
      {R"({"rope_parameters": {"rope_theta": 5}, "rope_scaling": {"rope_theta": 6}})", 6, 1},
  };
  for (const auto& c : cases) {
    const auto config = Parse(c.patch);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->rope_theta, c.theta) << c.patch;
    EXPECT_EQ(config->warnings.size(), c.warnings) << c.patch;
  }
}

TEST(ModelConfigTest, DTypeUnderEitherName) {
  EXPECT_EQ(Parse(R"({"dtype": "float16"})")->stored_dtype, DType::kF16);
  EXPECT_EQ(Parse(R"({"torch_dtype": "float32"})")->stored_dtype, DType::kF32);
  EXPECT_EQ(Parse(R"({"torch_dtype": "float32", "dtype": "bfloat16"})")->stored_dtype,
            DType::kBF16);
}

TEST(ModelConfigTest, RefusesByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"model_type": "mistral"})",
       "config.json: model_type is 'mistral'; Octet runs 'mixtral'"},
      {R"({"model_type": 1})", "model_type is 1, not a string"},
      {R"({"architectures": ["LlamaForCausalLM"]})", "config.json: architectures is not"},
      {R"({"architectures": "MixtralForCausalLM"})", "architectures is not"},
      {R"({"model_type": null, "architectures": null})",
       "model_type is absent, and so is architectures"},
      {R"({"quantization_config": {"bits": 4}})",
       "quantization_config is set; use the unquantised"},
      {R"({"hidden_act": "gelu"})", "hidden_act is 'gelu'; Octet computes 'silu' only"},
      {R"({"attention_bias": true})", "attention_bias is true"},
      {R"({"mlp_bias": true})", "mlp_bias is true"},
      {R"({"partial_rotary_factor": 0.5})", "partial_rotary_factor is not 1"},
      {R"({"rope_scaling": {"type": "linear", "factor": 2.0}})", "rope_scaling: type is 'linear'"},
      {R"({"rope_scaling": {"rope_type": "yarn"}})",
       "config.json: rope_scaling: rope_type is 'yarn'"},
      {R"({"rope_parameters": {"rope_type": "llama3"}})", "rope_parameters: rope_type is 'llama3'"},
      {R"({"rope_parameters": {"partial_rotary_factor": 0.5}})", "partial_rotary_factor is not 1"},
      {R"({"rope_parameters": {"full_attention": {"rope_theta": 1}}})",
       "rope_parameters: full_attention is"},
      {R"({"rope_parameters": []})", "rope_parameters: is not a JSON object"},
      {R"({"rope_theta": 0})", "rope_theta is 0, not a number above 0"},
      {R"({"rope_theta": "1e6"})", "rope_theta is '1e6', not a number above 0"},
      {R"({"rms_norm_eps": -1e-5})", "rms_norm_eps is -1e-05, not a number above 0"},
      {R"({"rms_norm_eps": null})", "rms_norm_eps is null"},
      {R"({"rms_norm_eps": 1e300})", "rms_norm_eps is above"},
      {R"({"vocab_size": 0})", "vocab_size is 0, not an integer from 1 to 2147483647"},
      {R"({"hidden_size": -64})", "hidden_size is -64"},
      {R"({"hidden_size": null})", "hidden_size is null; state a positive integer"},
      {R"({"intermediate_size": 14336.0})", "intermediate_size is 14336.0, not an integer"},
      {R"({"num_hidden_layers": "32"})", "num_hidden_layers is '32', not an integer"},
      {R"({"num_hidden_layers": 2147483648})", "num_hidden_layers is 2147483648, not an integer"},
      {R"({"num_hidden_layers": 18446744073709551615})", "num_hidden_layers is 1844"},
      {R"({"num_attention_heads": true})", "num_attention_heads is true, not an integer"},
      {R"({"num_local_experts": [8]})", "num_local_experts is a list, not an integer"},
      {R"({"num_key_value_heads": 0})", "num_key_value_heads is 0"},
      {R"({"num_key_value_heads": 5})",
       "num_key_value_heads is 5 (8 where it is absent), which does not divide"},
      {R"({"num_attention_heads": 4})",
       "num_key_value_heads is 8 (8 where it is absent), which does not"},
      {R"({"max_position_embeddings": 0})", "max_position_embeddings is 0"},
      {R"({"sliding_window": 0})", "sliding_window is 0"},
      {R"({"num_experts_per_tok": 9})", "num_experts_per_tok is 9, more than num_local_experts, 8"},
      {R"({"hidden_size": 100})",
       "hidden_size is 100, not a multiple of num_attention_heads, 32; state head_dim"},
      {R"({"head_dim": 33})", "head_dim is 33; rotary embedding needs an even one"},
      {R"({"hidden_size": 96})", "head_dim is 3; rotary"},
      {R"({"head_dim": 0})", "head_dim is 0"},
      {R"({"tie_word_embeddings": 1})", "tie_word_embeddings is 1, not true or false"},
      {R"({"torch_dtype": "int8"})",
       "torch_dtype is 'int8'; Octet reads float32, bfloat16 and float16"},
      {R"({"bos_token_id": 32000})", "bos_token_id is 32000, not below vocab_size, 32000"},
      {R"({"bos_token_id": [1, 2]})", "bos_token_id is a list"},
      {R"({"eos_token_id": "2"})", "eos_token_id holds '2', which is not a token id"},
      {R"({"eos_token_id": [2, -1]})", "eos_token_id holds -1, which is not a token id"},
  };
  for (const auto& [patch, error] : cases) {
    const auto config = Parse(patch);
    ASSERT_FALSE(config.ok()) << patch;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(error));
    EXPECT_THAT(std::string(config.status().message()), HasSubstr("config.json: "));
  }
  EXPECT_FALSE(ParseModelConfig("[1]", "config.json").ok());
  EXPECT_FALSE(ParseModelConfig("", "config.json").ok());
}

TEST(ModelConfigTest, UnknownKeysAreWarnings) {
  const auto config =
      Parse(R"({"use_cache": true, "router_aux_loss_coef": 0.02, "transformers_version": "4",
      "attention_bias": false, "final_logit_softcapping": 30.0, "eos_token_id": [2, 40000]})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(
      config->warnings,
      ElementsAre(HasSubstr("config.json: unknown key 'final_logit_softcapping' has no effect"),
                  HasSubstr("eos_token_id 40000 is not below vocab_size, 32000")));
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2));
}

TEST(LoadModelConfigTest, GenerationConfigNamesTheEndTokens) {
  const struct {
    const char* generation;
    std::vector<int32_t> end;
  } cases[] = {{R"({"eos_token_id": [5, 6], "temperature": 0.7})", {5, 6}},
               {R"({"eos_token_id": null})", {3}},
               {"{}", {3}}};
  for (const auto& c : cases) {
    MemoryFileSystem memory;
    memory.files = {{"m/config.json", ConfigJson(R"({"eos_token_id": 3})")},
                    {"m/generation_config.json", c.generation}};
    const auto config = LoadModelConfig(memory, "m");
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->eos_token_ids, c.end) << c.generation;
    EXPECT_THAT(config->warnings, IsEmpty());
  }
}

TEST(LoadModelConfigTest, SaysWhatIsMissingOrWrong) {
  MemoryFileSystem memory;
  const auto error = [&memory] {
    return std::string(LoadModelConfig(memory, "m").status().message());
  };
  EXPECT_THAT(error(), HasSubstr("m: no such directory"));
  memory.files["m/model.safetensors"] = "";
  EXPECT_THAT(error(), HasSubstr("m/config.json: no such file"));
  memory.files["m/config.json"] = "{";
  EXPECT_THAT(error(), HasSubstr("m/config.json: is not valid UTF-8 JSON"));
  memory.files["m/config.json"] = ConfigJson("{}");
  memory.files["m/generation_config.json"] = R"({"eos_token_id": "</s>"})";
  EXPECT_THAT(error(), HasSubstr("m/generation_config.json: eos_token_id holds '</s>'"));
}

TEST(LoadModelConfigTest, ReadsWhatHuggingFaceWrote) {
  PosixFileSystem posix;
  for (const char* name : {"basic", "sharded_bf16", "fused_v5", "window_tied"}) {
    const auto config = LoadModelConfig(posix, JoinPath(OCTET_SOURCE_DIR "/tests/golden/hf", name));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_THAT(config->warnings, IsEmpty());
  }
}

}  // namespace
}  // namespace octet
