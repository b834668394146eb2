#include "runtime/checkpoint/model_files.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/memory_file_system.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// The smallest model that is one, in m/.
class ModelFilesTest : public testing::Test {
 protected:
  ModelFilesTest() {
    config_ = {
        {"model_type", "mixtral"},       {"vocab_size", 300},       {"hidden_size", 4},
        {"intermediate_size", 2},        {"num_hidden_layers", 1},  {"num_attention_heads", 2},
        {"num_key_value_heads", 1},      {"num_local_experts", 1},  {"num_experts_per_tok", 1},
        {"max_position_embeddings", 64}, {"torch_dtype", "float32"}};
    Add("model.embed_tokens.weight", {300, 4});
    Add("model.norm.weight", {4});
    Add("lm_head.weight", {300, 4});
    const std::string layer = "model.layers.0.";
    Add(layer + "input_layernorm.weight", {4});
    Add(layer + "self_attn.q_proj.weight", {4, 4});
    Add(layer + "self_attn.k_proj.weight", {2, 4});
    Add(layer + "self_attn.v_proj.weight", {2, 4});
    Add(layer + "self_attn.o_proj.weight", {4, 4});
    Add(layer + "post_attention_layernorm.weight", {4});
    Add(layer + "block_sparse_moe.gate.weight", {1, 4});
    Add(layer + "block_sparse_moe.experts.0.w1.weight", {2, 4});
    Add(layer + "block_sparse_moe.experts.0.w2.weight", {4, 2});
    Add(layer + "block_sparse_moe.experts.0.w3.weight", {2, 4});
    tokenizer_ = BareModel(/*byte_fallback=*/true).SerializeAsString();
  }

  void Add(const std::string& name, const std::vector<int64_t>& shape, float value = 0) {
    int64_t elements = 1;
    for (const int64_t dim : shape) elements *= dim;
    weights_.Add(name, DType::kF32, shape, std::vector<float>(elements, value));
  }

  absl::StatusOr<ModelFiles> Open() {
    memory_.files["m/config.json"] = config_.dump();
    memory_.files["m/model.safetensors"] = weights_.Bytes();
    if (tokenizer_.empty()) {
      memory_.files.erase("m/tokenizer.model");
    } else {
      memory_.files["m/tokenizer.model"] = tokenizer_;
    }
    return ModelFiles::Open(memory_, "m");
  }

  std::string ErrorOfOpen() { return std::string(Open().status().message()); }

  json config_;
  SafetensorsWriter weights_;
  std::string tokenizer_;  // empty: none
  MemoryFileSystem memory_;
};

TEST_F(ModelFilesTest, OpensAll) {
  const auto model = Open();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->config.vocab_size, 300);
  EXPECT_EQ(model->checkpoint->directory(), "m");
  EXPECT_EQ(model->tensors.lm_head().rows, 300);
  ASSERT_NE(model->tokenizer, nullptr);
  EXPECT_EQ(model->tokenizer->vocab_size(), 259);
  EXPECT_EQ(model->fingerprint.size(), 16U);
  EXPECT_THAT(model->warnings, IsEmpty());
}

TEST_F(ModelFilesTest, TensorsStayGoodWhenMoved) {
  auto opened = Open();
  ASSERT_TRUE(opened.ok());
  const ModelFiles moved = *std::move(opened);
  std::vector<std::byte> bytes(moved.tensors.norm().bytes());
  EXPECT_TRUE(moved.tensors.norm().file->Read(moved.tensors.norm().offset, bytes).ok());
}

TEST_F(ModelFilesTest, EveryPartWarns) {
  config_["new_feature"] = 1;
  config_["eos_token_id"] = 300;
  Add("model.layers.0.self_attn.q_proj.bias", {4});
  tokenizer_.clear();
  const auto model = Open();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->tokenizer, nullptr);
  EXPECT_THAT(model->warnings,
              UnorderedElementsAre(HasSubstr("'new_feature'"), HasSubstr("eos_token_id 300"),
                                   HasSubstr("no file of the model names a token that ends"),
                                   HasSubstr("q_proj.bias' is not used"),
                                   HasSubstr("m has no tokenizer.model")));
}

TEST_F(ModelFilesTest, EndTokensAreThoseOfAllFiles) {
  config_["eos_token_id"] = 7;
  config_["bos_token_id"] = 5;
  memory_.files["m/generation_config.json"] = R"({"eos_token_id": [9, 7, 300]})";
  const auto model = Open();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(model->config.eos_token_ids, ElementsAre(2, 7, 9));
  EXPECT_THAT(
      model->warnings,
      ElementsAre(
          HasSubstr("generation_config.json: eos_token_id 300 is not below"),
          HasSubstr("disagree on the tokens that end an answer: config.json says 7, "
                    "generation_config.json 7, 9, 300, the tokenizer 2"),
          HasSubstr(
              "config.json says 5, the tokenizer 1; the tokenizer's counts, where there is one")));
  tokenizer_.clear();
  memory_.files["m/generation_config.json"] = "{}";
  config_["eos_token_id"] = nullptr;
  EXPECT_THAT(Open()->config.eos_token_ids, IsEmpty());
  config_.erase("eos_token_id");
  EXPECT_THAT(Open()->config.eos_token_ids, ElementsAre(2));  // as transformers
  memory_.files["m/generation_config.json"] = R"({"eos_token_id": "</s>"})";
  EXPECT_THAT(ErrorOfOpen(), HasSubstr("m/generation_config.json: eos_token_id holds '</s>'"));
}

TEST_F(ModelFilesTest, TheTokenizerMayBeSmallerButNotLarger) {
  auto tokenizer = BareModel(/*byte_fallback=*/true);
  while (tokenizer.pieces_size() < 300) {
    AddPiece(tokenizer, absl::StrCat("piece", tokenizer.pieces_size()));
  }
  tokenizer_ = tokenizer.SerializeAsString();
  EXPECT_TRUE(Open().ok());
  AddPiece(tokenizer, "one more");
  tokenizer_ = tokenizer.SerializeAsString();
  EXPECT_THAT(ErrorOfOpen(), HasSubstr("m: the tokenizer has 301 pieces, config.json's "
                                       "vocab_size is 300"));
}

TEST_F(ModelFilesTest, AddedTokensMayHaveNoRows) {
  memory_.files["m/added_tokens.json"] = R"({"<|a|>": 299, "<|b|>": 300, "<|c|>": 301})";
  const auto model = Open();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->tokenizer->vocab_size(), 302);
  EXPECT_THAT(model->warnings, ElementsAre("m: '<|b|>', '<|c|>' have ids beyond config.json's "
                                           "vocab_size of 300: requests that need one are "
                                           "refused"));
}

TEST_F(ModelFilesTest, TakesATokenizerJsonAlone) {
  tokenizer_.clear();
  memory_.files["m/tokenizer.json"] =
      R"({"model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1}, "merges": []}})";
  const auto model = Open();
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_NE(model->tokenizer, nullptr);
  EXPECT_EQ(model->tokenizer->num_pieces(), 2);
  EXPECT_THAT(model->warnings, IsEmpty());
}

TEST_F(ModelFilesTest, ErrorsOfEveryPartComeThrough) {
  tokenizer_ = "no tokenizer";
  EXPECT_THAT(ErrorOfOpen(), HasSubstr("m/tokenizer.model: is not a SentencePiece model"));
  Add("model.layers.0.mlp.gate.weight", {1, 4});
  EXPECT_THAT(ErrorOfOpen(), HasSubstr("mixes two ways of naming experts"));
  weights_.AddRaw("broken", "F32", {3}, "x");
  EXPECT_THAT(ErrorOfOpen(), HasSubstr("m/model.safetensors: "));
  config_["hidden_act"] = "gelu";
  EXPECT_THAT(ErrorOfOpen(), HasSubstr("m/config.json: hidden_act is 'gelu'"));
  EXPECT_THAT(std::string(ModelFiles::Open(memory_, "n").status().message()),
              HasSubstr("n: no such directory"));
}

TEST_F(ModelFilesTest, TheFingerprintFollowsConfigHeadersAndTokenizer) {
  const std::string before = Open()->fingerprint;
  EXPECT_EQ(Open()->fingerprint, before);

  config_["rope_theta"] = 10001;
  const std::string other_config = Open()->fingerprint;
  EXPECT_NE(other_config, before);

  memory_.files["m/generation_config.json"] = R"({"eos_token_id": 2})";
  const std::string other_generation = Open()->fingerprint;
  EXPECT_NE(other_generation, other_config);

  auto tokenizer = BareModel(/*byte_fallback=*/true);
  AddPiece(tokenizer, "x");
  tokenizer_ = tokenizer.SerializeAsString();
  const std::string other_tokenizer = Open()->fingerprint;
  EXPECT_NE(other_tokenizer, other_generation);

  std::string last = other_tokenizer;
  for (const char* name :
       {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "chat_template.jinja", "chat_template.json", "additional_chat_templates/tool_use.jinja"}) {
    memory_.files[absl::StrCat("m/", name)] = "{}";
    const std::string with_it = Open()->fingerprint;
    EXPECT_NE(with_it, last) << name;
    last = with_it;
  }

  tokenizer_.clear();
  const std::string no_tokenizer = Open()->fingerprint;
  EXPECT_NE(no_tokenizer, last);

  Add("unused", {1});
  EXPECT_NE(Open()->fingerprint, no_tokenizer);
}

TEST_F(ModelFilesTest, TheFingerprintDoesNotReadWeights) {
  Add("unused", {2}, 1);
  const std::string before = Open()->fingerprint;
  const std::string bytes = memory_.files["m/model.safetensors"];
  memory_.files["m/model.safetensors"].back() ^= 1;
  EXPECT_NE(memory_.files["m/model.safetensors"], bytes);
  EXPECT_EQ(ModelFiles::Open(memory_, "m")->fingerprint, before);
}

}  // namespace
}  // namespace octet
