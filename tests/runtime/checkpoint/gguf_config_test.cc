#include "runtime/checkpoint/gguf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/support/gguf_contents.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class GgufConfigTest : public testing::Test {
 protected:
  absl::StatusOr<ModelConfig> Read() {
    MemoryFileSystem files;
    files.files["m.gguf"] = contents_.Bytes();
    const auto model = GgufModel::Open(files, "m.gguf");
    EXPECT_TRUE(model.ok()) << model.status();
    return ReadGgufConfig(*model);
  }

  // The error after this change, without the file's name.
  std::string ErrorAfter(const std::function<void(GgufContents&)>& change) {
    const GgufContents before = contents_;
    change(contents_);
    const auto config = Read();
    contents_ = before;
    EXPECT_FALSE(config.ok());
    const std::string message(config.status().message());
    EXPECT_THAT(message, StartsWith("m.gguf: "));
    return message.substr(message.find(' ') + 1);
  }

  GgufContents contents_ = TinyGguf();
};

TEST_F(GgufConfigTest, ReadsTheShape) {
  contents_.Set("llama.attention.sliding_window", 7);
  contents_.Set("tokenizer.ggml.eot_token_id", 5);
  const auto config = Read();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->num_layers, 1);
  EXPECT_EQ(config->hidden_size, 4);
  EXPECT_EQ(config->intermediate_size, 3);
  EXPECT_EQ(config->num_heads, 2);
  EXPECT_EQ(config->num_kv_heads, 1);
  EXPECT_EQ(config->head_dim, 2);
  EXPECT_EQ(config->num_experts, 2);
  EXPECT_EQ(config->experts_per_token, 2);
  EXPECT_EQ(config->vocab_size, 259);
  EXPECT_EQ(config->max_position_embeddings, 64);
  EXPECT_EQ(config->rms_norm_eps, 1e-5F);
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_EQ(config->sliding_window, 7);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_EQ(config->named_tokens.bos, 1);
  EXPECT_THAT(config->named_tokens.eos, ElementsAre(2, 5));
  EXPECT_THAT(config->warnings, ElementsAre());
}

TEST_F(GgufConfigTest, AbsentKeysHaveTheDefaultsOfLlamaCpp) {
  for (const char* key :
       {"llama.attention.key_length", "llama.attention.value_length", "llama.vocab_size",
        "llama.attention.head_count_kv", "llama.rope.freq_base", "llama.rope.dimension_count"}) {
    contents_.entries.erase(key);
  }
  contents_.tensors.erase("output.weight");
  const auto config = Read();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->head_dim, 2);
  EXPECT_EQ(config->num_kv_heads, 2);
  EXPECT_EQ(config->vocab_size, 259);
  EXPECT_EQ(config->rope_theta, 10000);
  EXPECT_TRUE(config->tie_word_embeddings);
}

TEST_F(GgufConfigTest, ReadsTheNameOfMixtral) {
  GgufContents mixtral = contents_;
  mixtral.entries.clear();
  for (const auto& [key, entry] : contents_.entries) {
    const bool of_llama = key.starts_with("llama.");
    mixtral.entries[of_llama ? "mixtral." + key.substr(6) : key] = entry;
  }
  mixtral.SetString("general.architecture", "mixtral");
  contents_ = mixtral;
  EXPECT_EQ(Read().value().num_experts, 2);
}

TEST_F(GgufConfigTest, MissingKeysAreNamed) {
  for (const char* key :
       {"block_count", "context_length", "embedding_length", "feed_forward_length",
        "attention.head_count", "attention.layer_norm_rms_epsilon", "expert_used_count"}) {
    const std::string full = std::string("llama.") + key;
    EXPECT_EQ(ErrorAfter([&](GgufContents& c) { c.entries.erase(full); }),
              full + " is missing from the metadata; convert the model to GGUF anew");
  }
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.entries.erase("general.architecture"); }),
              StartsWith("general.architecture is missing"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.entries.erase("llama.expert_count"); }),
              StartsWith("llama.expert_count is missing or 0: a model without experts"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) {
                c.entries.erase("llama.vocab_size");
                c.entries.erase("tokenizer.ggml.tokens");
              }),
              StartsWith("llama.vocab_size is missing from the metadata, and so are"));
}

TEST_F(GgufConfigTest, WrongTypesAreNamed) {
  EXPECT_EQ(ErrorAfter([](GgufContents& c) { c.SetString("llama.block_count", "1"); }),
            "llama.block_count is '1', not an integer from 1 to 4096");
  EXPECT_EQ(ErrorAfter([](GgufContents& c) { c.SetFloat("llama.block_count", 1); }),
            "llama.block_count is 1.0, not an integer from 1 to 4096");
  EXPECT_EQ(ErrorAfter([](GgufContents& c) {
              c.SetInts("llama.attention.head_count", {2, 2});
            }),
            "llama.attention.head_count is a list, not an integer from 1 to 16384");
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.SetBool("llama.rope.freq_base", true); }),
              StartsWith("llama.rope.freq_base is true, not a number from 1"));
  EXPECT_EQ(ErrorAfter([](GgufContents& c) { c.Set("general.architecture", 7); }),
            "general.architecture is 7, not a string");
}

TEST_F(GgufConfigTest, ValuesOutOfRangeAreNamed) {
  for (const char* key : {"block_count", "context_length", "embedding_length",
                          "feed_forward_length", "attention.head_count", "attention.key_length",
                          "expert_used_count", "vocab_size", "rope.dimension_count"}) {
    for (const uint32_t value : {uint32_t{0}, std::numeric_limits<uint32_t>::max()}) {
      const std::string full = std::string("llama.") + key;
      EXPECT_THAT(ErrorAfter([&](GgufContents& c) { c.Set(full, value); }), StartsWith(full));
    }
  }
  for (const float value : {0.0F, -1.0F, 2.0F, NAN, INFINITY}) {
    const std::string key = "llama.attention.layer_norm_rms_epsilon";
    EXPECT_THAT(ErrorAfter([&](GgufContents& c) { c.SetFloat(key, value); }), StartsWith(key));
  }
  EXPECT_THAT(ErrorAfter([](GgufContents& c) {
                c.Set("llama.block_count", 4096);
                c.Set("llama.expert_count", 16384);
              }),
              StartsWith("llama.expert_count times llama.block_count is 67108864; Octet takes"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.Set("llama.expert_used_count", 3); }),
              HasSubstr("is 3, more than llama.expert_count, 2"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.Set("llama.attention.head_count_kv", 3); }),
              HasSubstr("is 3, which does not divide llama.attention.head_count, 2"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.Set("llama.attention.value_length", 4); }),
              HasSubstr("is 4, but keys have 2 dimensions"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.Set("llama.rope.dimension_count", 1); }),
              HasSubstr("is 1, but heads have 2 dimensions"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.Set("llama.context_length", 1U << 28); }),
              HasSubstr("llama.context_length is 268435456"));
}

TEST_F(GgufConfigTest, OtherModelsAreNamed) {
  EXPECT_EQ(ErrorAfter([](GgufContents& c) { c.SetString("general.architecture", "qwen2moe"); }),
            "general.architecture is 'qwen2moe'; Octet runs 'llama' models with experts, and "
            "'mixtral'");
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.SetString("general.type", "adapter"); }),
              StartsWith("general.type is 'adapter', not 'model'"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.Set("llama.expert_count", 0); }),
              HasSubstr("a model without experts"));
}

TEST_F(GgufConfigTest, OtherArithmeticIsRefusedByItsKey) {
  const std::pair<const char*, float> refused[] = {
      {"expert_gating_func", 2},
      {"expert_weights_scale", 2},
      {"logit_scale", 0.5},
      {"attn_logit_softcapping", 50},
      {"final_logit_softcapping", 30},
      {"residual_scale", 0.25},
      {"embedding_scale", 12},
      {"attention.scale", 0.5},
      {"attention.clamp_kqv", 8},
      {"expert_shared_count", 1},
      {"leading_dense_block_count", 1},
      {"attention.max_alibi_bias", 8},
  };
  for (const auto& each : refused) {
    const std::string key = std::string("llama.") + each.first;
    EXPECT_THAT(ErrorAfter([&](GgufContents& c) { c.SetFloat(key, each.second); }),
                StartsWith(key));
  }
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.SetBool("llama.expert_weights_norm", false); }),
              StartsWith("llama.expert_weights_norm is false"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.SetString("llama.logit_scale", "x"); }),
              StartsWith("llama.logit_scale is no number"));
}

TEST_F(GgufConfigTest, NeutralValuesAreTaken) {
  contents_.Set("llama.expert_gating_func", 1);
  contents_.SetFloat("llama.expert_weights_scale", 1);
  contents_.SetBool("llama.expert_weights_norm", true);
  contents_.SetFloat("llama.attention.scale", 1 / std::sqrt(2.0F));
  contents_.Set("llama.unheard_of", 3);
  contents_.SetFloat("general.sampling.temp", 1);
  const auto config = Read();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->warnings,
              ElementsAre("m.gguf: unknown key 'llama.unheard_of' has no effect",
                          "m.gguf: its recommendations for sampling (general.sampling.temp and the "
                          "like) have no effect; requests state their own values"));
}

TEST_F(GgufConfigTest, StretchesTheAngles) {
  contents_.SetFloat("llama.rope.scaling.factor", 4);
  ModelConfig config = Read().value();
  EXPECT_EQ(config.rope_scaling.type, RopeScaling::Type::kLinear);
  EXPECT_EQ(config.rope_scaling.factor, 4);
  EXPECT_EQ(config.max_position_embeddings, 256);
  contents_.SetString("llama.rope.scaling.type", "yarn");
  contents_.Set("llama.rope.scaling.original_context_length", 32);
  config = Read().value();
  EXPECT_EQ(config.rope_scaling.type, RopeScaling::Type::kYarn);
  EXPECT_EQ(config.rope_scaling.original_positions, 32);
  EXPECT_EQ(config.max_position_embeddings, 128);
  EXPECT_FLOAT_EQ(config.rope_scaling.attention_factor, 0.1 * std::log(4.0) + 1);
  contents_.SetString("llama.rope.scaling.type", "none");
  config = Read().value();
  EXPECT_EQ(config.rope_scaling.type, RopeScaling::Type::kNone);
  EXPECT_EQ(config.max_position_embeddings, 64);
}

TEST_F(GgufConfigTest, OtherRotaryScalingsAreRefusedByTheirKey) {
  const auto with = [&](const char* key, float value) {
    return ErrorAfter([&](GgufContents& c) {
      c.SetString("llama.rope.scaling.type", "yarn");
      c.SetFloat("llama.rope.scaling.factor", 4);
      c.SetFloat(std::string("llama.rope.") + key, value);
    });
  };
  EXPECT_THAT(
      ErrorAfter([](GgufContents& c) { c.SetString("llama.rope.scaling.type", "longrope"); }),
      StartsWith("llama.rope.scaling.type is 'longrope'; Octet computes 'none', "));
  EXPECT_THAT(with("scaling.yarn_ext_factor", 0.5), HasSubstr("is 0.5; Octet computes with 1"));
  EXPECT_THAT(with("scaling.yarn_log_multiplier", 0.1), HasSubstr("yarn_log_multiplier"));
  EXPECT_THAT(with("scaling.alpha", 2), HasSubstr("alpha is 2"));
  EXPECT_THAT(with("scaling.factor", -1), HasSubstr("scaling.factor is -1"));
  EXPECT_THAT(with("scaling.factor", 1e-4), HasSubstr("scaling.factor is 0.0001"));
  EXPECT_THAT(with("freq_base", 1), HasSubstr("is 1, for which yarn is not defined"));
  EXPECT_THAT(ErrorAfter([](GgufContents& c) { c.SetFloat("llama.rope.scaling.attn_factor", 2); }),
              HasSubstr("attn_factor is 2; Octet computes with 1 unless the type is yarn"));
}

}  // namespace
}  // namespace octet
