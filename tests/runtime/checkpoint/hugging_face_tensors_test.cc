// The tensors of checkpoints that Hugging Face transformers wrote.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "runtime/checkpoint/mixtral_tensors.h"
#include "tests/support/counting_file_system.h"

namespace octet {
namespace {

using testing::IsEmpty;

class HuggingFaceTest : public testing::TestWithParam<const char*> {};

// Every tensor of a real checkpoint is used, no byte twice, and mapping reads none of them.
TEST_P(HuggingFaceTest, EveryByteHasOnePlace) {
  const std::string directory = JoinPath(OCTET_SOURCE_DIR "/tests/golden/hf", GetParam());
  PosixFileSystem posix;
  CountingFileSystem counting(posix);
  const auto config = LoadModelConfig(posix, directory);
  const auto checkpoint = Checkpoint::Open(counting, directory);
  ASSERT_TRUE(config.ok() && checkpoint.ok()) << config.status() << checkpoint.status();
  counting.Reset();
  const auto tensors = MixtralTensors::Map(*checkpoint, *config);
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_THAT(tensors->warnings(), IsEmpty());
  EXPECT_EQ(counting.BytesRead(), 0U);

  std::vector<TensorSlice> slices = {tensors->embed_tokens(), tensors->norm()};
  if (!config->tie_word_embeddings) slices.push_back(tensors->lm_head());
  for (int l = 0; l < config->num_layers; ++l) {
    const LayerTensors& t = tensors->layer(l);
    slices.insert(slices.end(), {t.input_layernorm, t.q_proj, t.k_proj, t.v_proj, t.o_proj,
                                 t.post_attention_layernorm, t.gate});
    for (int e = 0; e < config->num_experts; ++e) {
      const ExpertTensors& expert = tensors->expert(l, e);
      slices.insert(slices.end(), {expert.w1, expert.w2, expert.w3});
    }
  }
  uint64_t mapped = 0;
  std::set<std::pair<const RandomAccessFile*, uint64_t>> starts;
  for (const TensorSlice& slice : slices) {
    mapped += slice.bytes();
    EXPECT_TRUE(starts.insert({slice.file, slice.offset}).second) << slice.name;
  }
  uint64_t stored = 0;
  for (const SafetensorsFile& file : checkpoint->files()) {
    for (const SafetensorsTensor& tensor : file.tensors()) stored += tensor.bytes;
  }
  EXPECT_EQ(mapped, stored);
}

INSTANTIATE_TEST_SUITE_P(Golden, HuggingFaceTest,
                         testing::Values("basic", "sharded_bf16", "fused_v5", "window_tied"));

}  // namespace
}  // namespace octet
