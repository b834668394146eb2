#include "runtime/checkpoint/gguf_model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gguf_contents.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class GgufModelFilesTest : public testing::Test {
 protected:
  absl::StatusOr<ModelFiles> Open(const std::string& path = "d/m.gguf") {
    files_.files["d/m.gguf"] = contents_.Bytes();
    return ModelFiles::Open(files_, path);
  }

  MemoryFileSystem files_;
  GgufContents contents_ = TinyGguf();
};

TEST_F(GgufModelFilesTest, OpensAFileAndItsDirectory) {
  for (const char* path : {"d/m.gguf", "d"}) {
    const auto model = Open(path);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->config.num_experts, 2);
    EXPECT_EQ(model->tensors.expert(0, 1).w2.rows, 4);
    ASSERT_NE(model->tokenizer, nullptr);
    EXPECT_THAT(model->tokenizer->EncodePrompt("A", true), ElementsAre(kBos, 229, 153, 132, 68));
    EXPECT_NE(model->chat, nullptr);
    EXPECT_THAT(model->config.eos_token_ids, ElementsAre(kEos));
    EXPECT_THAT(model->warnings, IsEmpty());
    EXPECT_EQ(LoadModelConfig(files_, path)->num_experts, 2);
    EXPECT_EQ(LoadModelTokenizer(files_, path)->vocab_size(), 259);
  }
  files_.files["d/model.safetensors"] = "";
  EXPECT_THAT(std::string(Open("d").status().message()), HasSubstr("has no config.json"));
}

TEST_F(GgufModelFilesTest, FilesBesideHaveNoEffect) {
  files_.files["d/generation_config.json"] = "{";
  files_.files["d/tokenizer.model"] = "of another model";
  EXPECT_THAT(Open("d")->warnings,
              ElementsAre("d: generation_config.json, tokenizer.model have no effect: everything "
                          "comes from d/m.gguf"));
  EXPECT_THAT(Open("d/m.gguf")->warnings, IsEmpty());
}

TEST_F(GgufModelFilesTest, EveryNamedEndTokenEndsAnAnswer) {
  contents_.Set("tokenizer.ggml.eot_token_id", 7);
  contents_.Set("tokenizer.ggml.eom_token_id", 5);
  EXPECT_THAT(Open()->config.eos_token_ids, ElementsAre(2, 5, 7));
  EXPECT_THAT(Open()->warnings, IsEmpty());
  for (const char* kind : {"eos", "eot", "eom"}) {
    contents_.entries.erase(std::string("tokenizer.ggml.") + kind + "_token_id");
  }
  EXPECT_THAT(Open()->config.eos_token_ids, ElementsAre(2));
  contents_.Set("tokenizer.ggml.eos_token_id", 0xFFFFFFFF);
  EXPECT_THAT(Open()->config.eos_token_ids, IsEmpty());
  EXPECT_THAT(Open()->warnings, ElementsAre(HasSubstr("names a token that ends an answer")));
}

TEST_F(GgufModelFilesTest, AModelWithoutATokenizerTakesIds) {
  for (const char* model : {"", "none"}) {
    contents_.SetString("tokenizer.ggml.model", model);
    if (*model == '\0') {
      contents_.entries.erase("tokenizer.ggml.model");
      contents_.entries.erase("tokenizer.ggml.tokens");
    }
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->tokenizer, nullptr);
    EXPECT_EQ(opened->chat, nullptr);
    EXPECT_THAT(opened->warnings, ElementsAre(HasSubstr("prompts must be token ids")));
  }
}

TEST_F(GgufModelFilesTest, ATokenizerWithMorePiecesThanRowsIsRefused) {
  sentencepiece::ModelProto pieces = BareModel(/*byte_fallback=*/true);
  AddPiece(pieces, "a", -1);
  contents_.SetTokenizer(pieces);
  EXPECT_EQ(Open().status().message(),
            "d/m.gguf: tokenizer.ggml.tokens has 260 tokens, but vocab_size is 259: they belong to "
            "different models");
}

TEST_F(GgufModelFilesTest, TheFingerprintIsOfHeaders) {
  const std::string fingerprint = Open()->fingerprint;
  EXPECT_EQ(Open("d")->fingerprint, fingerprint);
  contents_.tensors["blk.0.attn_q.weight"].bytes[3] = '\x3F';
  EXPECT_EQ(Open()->fingerprint, fingerprint);
  contents_.SetString("general.name", "another");
  EXPECT_NE(Open()->fingerprint, fingerprint);
}

TEST_F(GgufModelFilesTest, WarningsAreJoined) {
  contents_.Set("llama.unheard_of", 1);
  contents_.Set("tokenizer.ggml.unheard_of", 1);
  contents_.SetZeros("blk.7.attn_q.weight", {4, 4});
  EXPECT_THAT(Open()->warnings,
              ElementsAre(HasSubstr("'llama.unheard_of'"), HasSubstr("'blk.7.attn_q.weight'"),
                          HasSubstr("'tokenizer.ggml.unheard_of'")));
}

}  // namespace
}  // namespace octet
