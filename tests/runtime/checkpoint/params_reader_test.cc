#include "runtime/checkpoint/params_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The file of Mixtral-8x7B with some keys replaced by those of `patch`; null takes a key away.
absl::StatusOr<ModelConfig> ParsePatch(const std::string& patch) {
  json params = {{"dim", 4096},
                 {"n_layers", 32},
                 {"head_dim", 128},
                 {"hidden_dim", 14336},
                 {"n_heads", 32},
                 {"n_kv_heads", 8},
                 {"norm_eps", 1e-05},
                 {"vocab_size", 32000},
                 {"moe", {{"num_experts_per_tok", 2}, {"num_experts", 8}}}};
  params.merge_patch(ParseJson(patch));
  return ParseParams(params.dump(), "params.json");
}

TEST(ParamsReaderTest, Mixtral8x7B) {
  const auto config = ParsePatch("{}");
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
  EXPECT_EQ(config->rms_norm_eps, 1e-5F);
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_EQ(config->max_position_embeddings, 128000);
  EXPECT_EQ(config->sliding_window, std::nullopt);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_THAT(config->eos_token_ids, IsEmpty());
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST(ParamsReaderTest, EveryOtherKey) {
  const auto config =
      ParsePatch(R"({"rope_theta": 10000, "max_seq_len": 65536, "sliding_window": 4096,
      "tied_embeddings": true, "max_position_embeddings": 5, "head_dim": null, "n_kv_heads": null,
      "yarn": null, "model_type": "transformer", "new": 1})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rope_theta, 10000);
  EXPECT_EQ(config->max_position_embeddings, 65536);
  EXPECT_EQ(config->sliding_window, 4096);
  EXPECT_EQ(config->head_dim, 128);
  EXPECT_EQ(config->num_kv_heads, 32);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_THAT(config->warnings, ElementsAre("params.json: unknown key 'new' has no effect"));
}

TEST(ParamsReaderTest, RefusesByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"dim": null})", "dim is missing"},
      {R"({"dim": 1e300})", "dim is 1e+300, not an integer from 1 to"},
      {R"({"vocab_size": -1})", "vocab_size is -1, not"},
      {R"({"moe": null})", "moe is missing: a model without experts"},
      {R"({"moe": {"num_experts": null}})", "params.json: moe: num_experts is missing"},
      {R"({"moe": {"num_experts_per_tok": 9}})", "num_experts_per_tok is 9, more than"},
      {R"({"moe": 8})", "moe: is not a JSON object"},
      {R"({"n_kv_heads": 7})", "n_kv_heads is 7, which does not divide n_heads, 32"},
      {R"({"head_dim": 127})", "head_dim is 127; rotary embedding needs an even one"},
      {R"({"n_layers": 2000000000})", "n_layers is 2000000000, not"},
      {R"({"yarn": {"factor": 4}})", "yarn is set, which Octet does not compute"},
      {R"({"quantization": {"qformat_weight": "fp8_e4m3"}})", "quantization is set"},
      {R"({"vision_encoder": {}})", "vision_encoder is set"},
      {R"({"sliding_window": [1, 2]})", "sliding_window is a list, not"},
      {R"({"activation": "gelu"})", "activation is 'gelu'; Octet computes 'silu' only"},
  };
  for (const auto& [patch, error] : cases) {
    const auto config = ParsePatch(patch);
    ASSERT_FALSE(config.ok()) << patch;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(error));
    EXPECT_THAT(std::string(config.status().message()), HasSubstr("params.json: "));
  }
  EXPECT_FALSE(ParseParams("[1]", "params.json").ok());
}

}  // namespace
}  // namespace octet
