// A model as GGUF gives the same bytes as its Hugging Face directory.

#include <absl/strings/str_format.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/gguf_contents.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

std::string HuggingFace(const std::string& name) {
  return JoinPath(OCTET_SOURCE_DIR "/tests/golden/hf", name);
}

// The logits of 50 tokens on so many ranks, each with its share of the experts.
std::vector<float> LogitsOn(int num_ranks, const ModelFiles& model) {
  std::vector<int32_t> tokens(50);
  std::iota(tokens.begin(), tokens.end(), 3);
  std::vector<float> logits;
  RunLocalRanks(num_ranks, [&](Communicator& comm) {
    RankModel rank(comm, model, {.max_tokens = std::ssize(tokens)});
    std::vector<float> mine = rank.Logits(tokens, 32, 2);
    if (comm.rank() == 0) logits = std::move(mine);
  });
  return logits;
}

class GgufGoldenTest : public testing::TestWithParam<const char*> {
 protected:
  GgufGoldenTest() : expected_(OpenModelOrDie(posix_, HuggingFace(GetParam()))) {}

  GgufContents Contents(bool stacked_experts) {
    GgufContents contents;
    contents.SetShape(expected_.config);
    const Checkpoint checkpoint = Checkpoint::Open(posix_, HuggingFace(GetParam())).value();
    contents.SetWeights(checkpoint, expected_.config, stacked_experts);
    return contents;
  }

  PosixFileSystem posix_;
  const ModelFiles expected_;
};

TEST_P(GgufGoldenTest, TheSameBytesAsFromHuggingFacesForm) {
  const std::vector<float> logits = LogitsOn(1, expected_);
  for (const bool stacked : {true, false}) {
    MemoryFileSystem memory;
    memory.files["m.gguf"] = Contents(stacked).Bytes();
    const auto model = ModelFiles::Open(memory, "m.gguf");
    ASSERT_TRUE(model.ok()) << model.status();
    for (const int num_ranks : {1, 3}) {
      EXPECT_EQ(LogitsOn(num_ranks, *model), logits) << stacked << " " << num_ranks;
    }
  }
}

TEST_P(GgufGoldenTest, TheSameBytesFromAnyPartOfASplitModel) {
  const std::vector<float> logits = LogitsOn(1, expected_);
  MemoryFileSystem memory;
  const std::vector<std::string> parts = Contents(/*stacked_experts=*/true).Parts(3);
  for (size_t i = 0; i < parts.size(); ++i) {
    memory.files[absl::StrFormat("d/m-%05d-of-00003.gguf", i + 1)] = parts[i];
  }
  for (const char* path : {"d", "d/m-00001-of-00003.gguf", "d/m-00003-of-00003.gguf"}) {
    const auto model = ModelFiles::Open(memory, path);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(LogitsOn(2, *model), logits) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GgufGoldenTest,
                         testing::Values("basic", "sharded_bf16", "window_tied"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace octet
