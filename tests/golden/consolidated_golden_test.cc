// Mistral's own form of a checkpoint: the same model as in Hugging Face's form gives the same
// bytes.

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/gguf_contents.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/rank_model.h"
#include "tests/support/safetensors_writer.h"

namespace octet {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string Golden(const std::string& name) {
  return JoinPath(OCTET_SOURCE_DIR "/tests/golden/hf", name);
}

std::string MistralName(std::string name) {
  if (name == "model.embed_tokens.weight") return "tok_embeddings.weight";
  if (name == "lm_head.weight") return "output.weight";
  absl::StrReplaceAll({{"model.", ""},
                       {"self_attn.q_proj", "attention.wq"},
                       {"self_attn.k_proj", "attention.wk"},
                       {"self_attn.v_proj", "attention.wv"},
                       {"self_attn.o_proj", "attention.wo"},
                       {"input_layernorm", "attention_norm"},
                       {"post_attention_layernorm", "ffn_norm"},
                       {"block_sparse_moe", "feed_forward"}},
                      &name);
  return name;
}

// Splits the tensors over so many files where `num_files` is above 1.
MemoryFileSystem InMistralForm(const std::string& directory, const ModelConfig& c, int num_files) {
  PosixFileSystem posix;
  const Checkpoint checkpoint = Checkpoint::Open(posix, directory).value();
  std::vector<SafetensorsWriter> writers(num_files);
  int next = 0;
  for (const std::string& name : checkpoint.Names()) {
    const CheckpointTensor found = *checkpoint.Find(name);
    std::string bytes(found.tensor->bytes, '\0');
    EXPECT_TRUE(
        found.file->Read(found.tensor->offset, std::as_writable_bytes(std::span(bytes))).ok());
    if (absl::StrContains(name, "q_proj") || absl::StrContains(name, "k_proj")) {
      bytes = InterleavedRows(bytes, found.tensor->shape[0], c.head_dim);
    }
    const std::vector<int64_t> shape(found.tensor->shape.begin(), found.tensor->shape.end());
    writers[next++ % num_files].AddRaw(MistralName(name), found.tensor->dtype, shape, bytes);
  }
  MemoryFileSystem memory;
  for (int i = 0; i < num_files; ++i) {
    const std::string name = num_files == 1 ? "consolidated" : absl::StrCat("consolidated.0", i);
    memory.files["m/" + name + ".safetensors"] = writers[i].Bytes();
  }
  memory.files["m/params.json"] = absl::StrCat(
      R"({"dim": )", c.hidden_size, R"(, "n_layers": )", c.num_layers, R"(, "head_dim": )",
      c.head_dim, R"(, "hidden_dim": )", c.intermediate_size, R"(, "n_heads": )", c.num_heads,
      R"(, "n_kv_heads": )", c.num_kv_heads, R"(, "norm_eps": )", c.rms_norm_eps,
      R"(, "vocab_size": )", c.vocab_size, R"(, "rope_theta": )", c.rope_theta,
      R"(, "max_seq_len": 512, "moe": {"num_experts": )", c.num_experts,
      R"(, "num_experts_per_tok": )", c.experts_per_token, "}}");
  return memory;
}

std::vector<float> Logits(const ModelFiles& model) {
  std::vector<int32_t> tokens(50);
  std::iota(tokens.begin(), tokens.end(), 3);
  std::vector<float> logits;
  RunLocalRanks(1, [&](Communicator& comm) {
    RankModel rank(comm, model, {.max_tokens = std::ssize(tokens)});
    logits = rank.Logits(tokens, 32, 2);
  });
  return logits;
}

TEST(ConsolidatedGoldenTest, TheSameBytesAsFromHuggingFacesForm) {
  PosixFileSystem posix;
  for (const char* name : {"basic", "sharded_bf16"}) {
    const ModelFiles expected = OpenModelOrDie(posix, Golden(name));
    const std::vector<float> logits = Logits(expected);
    for (const int num_files : {1, 3}) {
      MemoryFileSystem memory = InMistralForm(Golden(name), expected.config, num_files);
      const auto model = ModelFiles::Open(memory, "m");
      ASSERT_TRUE(model.ok()) << model.status();
      EXPECT_EQ(model->config.max_position_embeddings, 512);
      EXPECT_EQ(Logits(*model), logits) << name;
    }
  }
}

// config.json wins over params.json, whatever form the weights have.
TEST(ConsolidatedGoldenTest, ConfigJsonAndTheWeightsMayBeOfDifferentForms) {
  PosixFileSystem posix;
  const ModelFiles expected = OpenModelOrDie(posix, Golden("basic"));
  MemoryFileSystem memory = InMistralForm(Golden("basic"), expected.config, 1);
  memory.files["m/config.json"] = posix.ReadWhole(Golden("basic/config.json")).value();
  memory.files["m/params.json"] = "{";
  const auto model = ModelFiles::Open(memory, "m");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(Logits(*model), Logits(expected));
}

TEST(ConsolidatedGoldenTest, HuggingFacesFormComesFirst) {
  PosixFileSystem posix;
  const ModelFiles expected = OpenModelOrDie(posix, Golden("basic"));
  MemoryFileSystem memory = InMistralForm(Golden("basic"), expected.config, 1);
  memory.files["m/config.json"] = posix.ReadWhole(Golden("basic/config.json")).value();
  memory.files["m/model.safetensors"] = posix.ReadWhole(Golden("basic/model.safetensors")).value();
  memory.files["m/consolidated.safetensors"] = "not read";
  const auto model = ModelFiles::Open(memory, "m");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(model->warnings, Contains(HasSubstr("m/consolidated.safetensors: not read, because "
                                                  "model.safetensors lies beside it")));
}

}  // namespace
}  // namespace octet
