// A GGUF file in place of a model directory: every command gives the same.

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "kernels/base/weight_quantiser.h"
#include "runtime/checkpoint/model_config.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class GgufTest : public RunBatchTest {
 protected:
  GgufTest() {
    PosixFileSystem files;
    const ModelConfig config = LoadModelConfig(files, kDemoModel).value();
    contents_.SetShape(config);
    sentencepiece::ModelProto pieces;
    EXPECT_TRUE(pieces.ParseFromString(ReadFile(std::string(kDemoModel) + "/tokenizer.model")));
    contents_.SetTokenizer(pieces);
    const Checkpoint checkpoint = Checkpoint::Open(files, kDemoModel).value();
    contents_.SetWeights(checkpoint, config, /*stacked_experts=*/true);
    WriteFile(gguf_, contents_.Bytes());
  }

  // The output of a run, without the model's name.
  std::string Answers(int ranks, const std::string& model, const std::string& flags = "") {
    WriteFile(input_, std::string(kRequest) + Renamed("b"));
    const ProcessResult result =
        RunOctet(ranks, absl::StrCat("run-batch ", Files(), "--overwrite --served-model-name m ",
                                     "--model ", model, " ", flags));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return ReadFile(output_);
  }

  const std::string gguf_ = directory_ + "/m.gguf";
  GgufContents contents_;
};

TEST_F(GgufTest, BatchesHaveTheSameBytes) {
  const std::string expected = Answers(1, kDemoModel);
  EXPECT_THAT(expected, HasSubstr("\"custom_id\":\"b\""));
  EXPECT_EQ(Answers(2, gguf_), expected);
  const std::vector<std::string> parts = contents_.Parts(2);
  std::filesystem::create_directory(directory_ + "/split");
  WriteFile(directory_ + "/split/m-00001-of-00002.gguf", parts[0]);
  WriteFile(directory_ + "/split/m-00002-of-00002.gguf", parts[1]);
  EXPECT_EQ(Answers(1, directory_ + "/split"), expected);
  EXPECT_EQ(Answers(1, directory_ + "/split/m-00002-of-00002.gguf"), expected);
}

// A matrix of bfloat16 as Q8_0, which is type 8.
void RoundToInt8(GgufContents::Tensor& tensor) {
  const auto* const from = reinterpret_cast<const BF16*>(tensor.bytes.data());
  std::vector<float> floats(tensor.bytes.size() / sizeof(BF16));
  for (size_t i = 0; i < floats.size(); ++i) floats[i] = ToFloat(from[i]);
  tensor.type = 8;
  tensor.bytes.resize(RowBytes(WeightFormat::kQ8_0, std::ssize(floats)));
  QuantiseRow(WeightFormat::kQ8_0, floats, reinterpret_cast<std::byte*>(tensor.bytes.data()));
}

TEST_F(GgufTest, QuantisedBatchesHaveTheBytesOfWeightsRoundedAlike) {
  for (auto& [name, tensor] : contents_.tensors) {
    const bool stays = absl::StrContains(name, "norm") || name == "token_embd.weight" ||
                       absl::StrContains(name, "ffn_gate_inp");
    if (!stays) RoundToInt8(tensor);
  }
  WriteFile(gguf_, contents_.Bytes());
  const std::string expected = Answers(1, kDemoModel, "--weights int8");
  EXPECT_NE(expected, Answers(1, kDemoModel));
  EXPECT_EQ(Answers(1, gguf_), expected);
  EXPECT_EQ(Answers(3, gguf_, "--placement round-robin"), expected);
  const std::string cached = "--pack-cache " + directory_ + "/cache";
  EXPECT_EQ(Answers(2, gguf_, cached), expected);
  EXPECT_EQ(Answers(2, gguf_, cached), expected);
}

TEST_F(GgufTest, WeightsThatAreQuantisedStaySo) {
  RoundToInt8(contents_.tensors["output.weight"]);
  WriteFile(gguf_, contents_.Bytes());
  ExpectRefused(2, Files() + "--weights int4 --model " + gguf_,
                "the model's weights are quantised (Q8_0)");
}

TEST_F(GgufTest, ThePackCacheIsOfTheFile) {
  const std::string cache = directory_ + "/cache";
  const std::string flags = "--pack-cache " + cache;
  const std::string expected = Answers(1, kDemoModel);
  EXPECT_EQ(Answers(1, gguf_, flags), expected);
  EXPECT_FALSE(std::filesystem::is_empty(cache));
  EXPECT_EQ(Answers(1, gguf_, flags), expected);
  contents_.tensors["output.weight"] = contents_.tensors["token_embd.weight"];
  WriteFile(gguf_, contents_.Bytes());
  EXPECT_NE(Answers(1, gguf_, flags), expected);
}

TEST_F(GgufTest, TokenizeAndPerplexityAreTheSame) {
  const std::string text = directory_ + "/text";
  WriteFile(text, "In the beginning God created\n  the heaven and the earth.\n\xE6\x97\xA5</s>\n");
  for (const char* command :
       {"tokenize -i ", "tokenize --special-tokens -i ", "perplexity --progress none -f "}) {
    const std::string line = absl::StrCat(command, text, " --model ");
    const ProcessResult expected = RunOctet(0, line + kDemoModel);
    const ProcessResult result = RunOctet(0, line + gguf_);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    const auto shown = [](const std::string& output) {
      const size_t figures = output.find("tokens scored");
      return figures == std::string::npos ? output : output.substr(figures);
    };
    EXPECT_EQ(shown(result.output), shown(expected.output));
  }
}

TEST_F(GgufTest, InspectShowsTheMemoryOnRanks) {
  const ProcessResult result = RunOctet(0, "inspect " + gguf_ + " --ranks 3 --dtype float32");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("llama.block_count"), HasSubstr("blk.2.ffn_up_exps.weight"),
                    HasSubstr("Mixtral: 3 layers, hidden size 256, 8 experts of 512"),
                    HasSubstr("memory as float32 on 3 ranks, placement contiguous"),
                    HasSubstr("rank 0: 0.01 GiB of experts, 9 in all layers")));
}

TEST_F(GgufTest, BenchThroughputRuns) {
  for (const char* weights : {"", "--random-weights "}) {
    const ProcessResult result =
        RunOctet(0, absl::StrCat("bench throughput ", weights, "--model ", gguf_,
                                 " --num-prompts 1 --input-len 8 --output-len 2 --no-bounds"));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("tokens/s"));
  }
}

TEST_F(GgufTest, WhatIsNotRunIsRefused) {
  contents_.tensors["blk.0.attn_v.weight"] = {{256, 64}, 10, std::string(84 * 64, '\0')};
  WriteFile(gguf_, contents_.Bytes());
  ExpectRefused(2, Files() + "--model " + gguf_,
                "tensor 'blk.0.attn_v.weight' has the type Q2_K; Octet computes with");
  ExpectRefused(0, Files() + "--model " + directory_ + "/none.gguf", "none.gguf: ");
  const ProcessResult inspected = RunOctet(0, "inspect " + gguf_ + " --ranks 3");
  EXPECT_THAT(inspected.output, HasSubstr("not a Mixtral model that Octet runs: " + gguf_ +
                                          ": tensor 'blk.0.attn_v.weight' has the type Q2_K"));
}

}  // namespace
}  // namespace octet::batch_runs
