#include "runtime/checkpoint/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

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
  EXPECT_EQ(config->named_tokens.bos, std::nullopt);
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
  EXPECT_EQ(config->named_tokens.bos, 7);
  EXPECT_THAT(config->named_tokens.eos, ElementsAre(8, 9));
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
  EXPECT_EQ(config->named_tokens.bos, std::nullopt);
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

// Pairs of a patch of config.json and what the error says.
using RefusedPatches = std::vector<std::pair<const char*, const char*>>;

void ExpectPatchesRefused(const RefusedPatches& patches) {
  for (const auto& [patch, error] : patches) {
    const auto config = Parse(patch);
    ASSERT_FALSE(config.ok()) << patch;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(error));
    EXPECT_THAT(std::string(config.status().message()), HasSubstr("config.json: "));
  }
}

TEST(ModelConfigTest, RefusesOtherModels) {
  ExpectPatchesRefused({
      {R"({"model_type": "mistral"})",
       "config.json: model_type is 'mistral'; Octet runs 'mixtral'"},
      {R"({"model_type": 1})", "model_type is 1, not a string"},
      {R"({"architectures": ["LlamaForCausalLM"]})",
       "config.json: architectures is 'LlamaForCausalLM'; Octet runs 'MixtralForCausalLM' only"},
      {R"({"architectures": "MixtralForCausalLM"})", "architectures is not a list of names"},
      {R"({"model_type": null, "architectures": null})",
       "model_type is absent, and so is architectures"},
      {R"({"quantization_config": {"bits": 4}})",
       "quantization_config is set; use the unquantised"},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4}})",
       "quantization_config says quant_method 'gptq'; use the unquantised"},
      {R"({"hidden_act": "gelu"})", "hidden_act is 'gelu'; Octet computes 'silu' only"},
      {R"({"attention_bias": true})", "attention_bias is true"},
      {R"({"mlp_bias": true})", "mlp_bias is true"},
      {R"({"partial_rotary_factor": 0.5})", "partial_rotary_factor is not 1"},
  });
}

TEST(ModelConfigTest, RefusesAnglesThatItCannotCompute) {
  ExpectPatchesRefused({
      {R"({"rope_scaling": {"type": "dynamic", "factor": 2.0}})",
       "rope_scaling: type is 'dynamic'; its angles depend on the length of the whole text"},
      {R"({"rope_parameters": {"rope_type": "longrope"}})", "rope_type is 'longrope'; its angles"},
      {R"({"rope_scaling": {"type": "ntk"}})",
       "type is 'ntk'; Octet computes 'default', 'linear', 'yarn' and 'llama3'"},
      {R"({"rope_scaling": {"rope_type": "yarn"}})",
       "config.json: rope_scaling: factor is missing, which rope_type 'yarn' needs"},
      {R"({"rope_scaling": {"rope_type": "linear", "factor": null}})", "factor is missing"},
      {R"({"rope_scaling": {"rope_type": "linear", "factor": 0}})", "factor is 0, not a number"},
      {R"({"rope_scaling": {"rope_type": "linear", "factor": 1e300}})", "factor is 1e+300, not"},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": 2, "beta_fast": 0}})", "beta_fast is 0"},
      {R"({"rope_theta": 1, "rope_scaling": {"rope_type": "yarn", "factor": 2}})",
       "rope_theta is 1, for which yarn is not defined"},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 8}})",
       "original_max_position_embeddings is missing"},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
           "high_freq_factor": 4, "original_max_position_embeddings": 100}})",
       "high_freq_factor is not above low_freq_factor"},
      {R"({"rope_scaling": {"type": "linear", "factor": 1e5}})",
       "max_position_embeddings makes 13107200000 positions with the factor of linear"},
      {R"({"rope_scaling": {"type": "linear", "factor": 2},
           "rope_parameters": {"rope_type": "linear", "factor": 2}})",
       "rope_scaling stretches the angles, and so does rope_parameters"},
      {R"({"rope_parameters": {"partial_rotary_factor": 0.5}})", "partial_rotary_factor is not 1"},
      {R"({"rope_parameters": {"full_attention": {"rope_theta": 1}}})",
       "rope_parameters: 'full_attention' is"},
      {R"({"rope_parameters": []})", "rope_parameters: is not a JSON object"},
      {R"({"rope_theta": 0})", "rope_theta is 0, not a number from 1 to"},
      {R"({"rope_theta": "1e6"})", "rope_theta is '1e6', not a number from 1 to"},
  });
}

TEST(ModelConfigTest, RefusesBadNumbers) {
  ExpectPatchesRefused({
      {R"({"rms_norm_eps": -1e-5})", "rms_norm_eps is -1e-05, not a number above 0"},
      {R"({"rms_norm_eps": null})", "rms_norm_eps is null"},
      {R"({"rms_norm_eps": 1e300})", "rms_norm_eps is above"},
      {R"({"vocab_size": 0})", "vocab_size is 0, not an integer from 1 to 16777216"},
      {R"({"hidden_size": -64})", "hidden_size is -64"},
      {R"({"hidden_size": null})", "hidden_size is null; state a positive integer"},
      {R"({"intermediate_size": 14336.0})", "intermediate_size is 14336.0, not an integer"},
      {R"({"num_hidden_layers": "32"})", "num_hidden_layers is '32', not an integer"},
      {R"({"num_hidden_layers": 2147483648})", "num_hidden_layers is 2147483648, not an integer"},
      {R"({"num_hidden_layers": 18446744073709551615})", "num_hidden_layers is 1844"},
      {R"({"max_position_embeddings": 0})", "max_position_embeddings is 0"},
      {R"({"sliding_window": 0})", "sliding_window is 0"},
  });
}

TEST(ModelConfigTest, RefusesBadHeadsAndExperts) {
  ExpectPatchesRefused({
      {R"({"num_attention_heads": true})", "num_attention_heads is true, not an integer"},
      {R"({"num_local_experts": [8]})", "num_local_experts is a list, not an integer"},
      {R"({"num_key_value_heads": 0})", "num_key_value_heads is 0"},
      {R"({"num_key_value_heads": 5})",
       "num_key_value_heads is 5 (8 where it is absent), which does not divide"},
      {R"({"num_attention_heads": 4})",
       "num_key_value_heads is 8 (8 where it is absent), which does not"},
      {R"({"num_experts_per_tok": 9})", "num_experts_per_tok is 9, more than num_local_experts, 8"},
      {R"({"hidden_size": 100})",
       "hidden_size is 100, not a multiple of num_attention_heads, 32; state head_dim"},
      {R"({"head_dim": 33})", "head_dim is 33; rotary embedding needs an even one"},
      {R"({"hidden_size": 96})", "head_dim is 3; rotary"},
      {R"({"head_dim": 0})", "head_dim is 0"},
  });
}

TEST(ModelConfigTest, RefusesBadTypesAndTokens) {
  ExpectPatchesRefused({
      {R"({"tie_word_embeddings": 1})", "tie_word_embeddings is 1, not true or false"},
      {R"({"torch_dtype": "int8"})",
       "torch_dtype is 'int8'; Octet reads float32, bfloat16 and float16"},
      {R"({"bos_token_id": [1, 2]})", "bos_token_id is a list"},
      {R"({"eos_token_id": "2"})", "eos_token_id holds '2', which is not a token id"},
      {R"({"eos_token_id": [2, -1]})", "eos_token_id holds -1, which is not a token id"},
  });
}

TEST(ModelConfigTest, RefusesWhatIsNoObject) {
  EXPECT_FALSE(ParseModelConfig("[1]", "config.json").ok());
  EXPECT_FALSE(ParseModelConfig("", "config.json").ok());
}

// No product of sizes overflows, and nothing of such a size is made.
TEST(ModelConfigTest, RefusesSizesThatNoModelHas) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"num_hidden_layers": 2000000000})", "num_hidden_layers is 2000000000, not an integer"},
      {R"({"hidden_size": 2147483647})", "hidden_size is 2147483647, not an integer from 1 to"},
      {R"({"num_local_experts": 2147483647})", "num_local_experts is 2147483647, not"},
      {R"({"head_dim": 1000000})", "head_dim is 1000000, not"},
      {R"({"max_position_embeddings": 2147483647})", "max_position_embeddings is 2147483647, not"},
      {R"({"vocab_size": 123456789012345678901234567890})", "vocab_size is 1.2345678901234568e+29"},
      {R"({"num_hidden_layers": 4000, "num_local_experts": 4000})",
       "config.json: num_hidden_layers x num_local_experts is 16000000; Octet takes at most "
       "262144"},
      {R"({"num_hidden_layers": 4000, "intermediate_size": 4000000, "hidden_size": 1048576})",
       "which no machine holds"},
      {R"({"num_hidden_layers": 4096, "num_attention_heads": 16384, "num_key_value_heads": 16384,
           "head_dim": 16384, "hidden_size": 1, "intermediate_size": 1, "num_local_experts": 2,
           "max_position_embeddings": 134217728})",
       "the keys and values of one longest text would take"},
  };
  for (const auto& [patch, error] : cases) {
    const auto config = Parse(patch);
    ASSERT_FALSE(config.ok()) << patch;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(error));
    EXPECT_LT(config.status().message().size(), 300U);
  }
}

TEST(ModelConfigTest, OfManyUnknownKeysTheFirstAreNamed) {
  json many = json::object();
  for (int i = 0; i < 1000; ++i) many["key" + std::to_string(i)] = i;
  const auto config = Parse(many.dump());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->warnings.size(), 21U);
  EXPECT_THAT(config->warnings.back(), HasSubstr("980 more unknown keys have no effect"));
}

TEST(ModelConfigTest, UnknownKeysAreWarnings) {
  const auto config =
      Parse(R"({"use_cache": true, "router_aux_loss_coef": 0.02, "transformers_version": "4",
      "attention_bias": false, "final_logit_softcapping": 30.0, "eos_token_id": [2, 40000]})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->warnings,
              ElementsAre(HasSubstr("config.json: unknown key 'final_logit_softcapping' has no")));
  EXPECT_THAT(config->named_tokens.eos, ElementsAre(2, 40000));  // which the vocabulary has not
  EXPECT_THAT(config->eos_token_ids, ElementsAre(2));
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
  memory.files.erase("m/config.json");
  memory.files["m/params.json"] = R"({"dim": 8})";
  EXPECT_THAT(error(), HasSubstr("m/params.json: hidden_dim is missing"));
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
