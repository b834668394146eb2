// The same job gives the same bytes for every rank count, placement, batch composition and thread
// count.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/cpu/isa.h"
#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kBasic[] = OCTET_SOURCE_DIR "/tests/golden/hf/basic";
constexpr char kWindow[] = OCTET_SOURCE_DIR "/tests/golden/hf/window_tied";

struct Variant {
  int ranks;  // 0: without a launcher
  const char* flags;
};

#ifdef OCTET_SANITIZED
constexpr Variant kVariants[] = {
    {0, "--threads 2"},
    {3, "--placement round-robin --max-num-seqs 2 --max-num-batched-tokens 9 --overlap on"},
};
#else
constexpr Variant kVariants[] = {
    {0, "--threads 3"},
    {1, "--max-num-seqs 1 --speculate 4"},
    {1, "--max-num-batched-tokens 1"},
    {2, "--placement round-robin --threads 2 --speculate 8"},
    {3, "--placement random:1 --max-num-batched-tokens 7 --speculate 2"},
    {4, "--placement by-memory --max-num-seqs 3"},
    {5, "--placement random:2 --max-num-seqs 2 --max-num-batched-tokens 3"},
    {7, "--placement round-robin --speculate off"},
    {8, "--placement contiguous --max-num-batched-tokens 33"},
    {12, "--placement random:3"},
    {2, "--overlap on"},
    {5, "--placement random:4 --overlap on --max-num-batched-tokens 30 --speculate 5"},
    {2, "--ep-size 1 --max-num-seqs 2"},
    {4, "--ep-size 2 --placement round-robin --max-num-batched-tokens 17 --speculate 3"},
};
#endif

// A KV cache in which most sequences have to give way; for the demo model.
constexpr Variant kSmallCache = {1, "--max-model-len 96 --kv-cache-gib 0.0002 --report "};

// Short and long prompts, greedy and sampled, with logprobs and one refused line; up to `longer`
// times four tokens more than the shortest answer.
std::string TextRequests(int longer = 9) {
  std::string lines;
  const char* prompts[] = {"In the beginning",
                           "The LORD is my shepherd; I shall not want.",
                           "ROMEO:\\n",
                           "And it came to pass",
                           "",
                           "KING RICHARD III:\\nMy lord,"};
  int id = 0;
  for (const char* prompt : prompts) {
    for (const char* sampling :
         {R"("temperature": 0)", R"("temperature": 0.9)", R"("temperature": 1.5, "seed": 7)"}) {
      lines += R"({"custom_id": "r)" + std::to_string(id) +
               R"(", "method": "POST", "url": "/v1/completions", "body": {"prompt": ")" + prompt +
               R"(", "max_tokens": )" + std::to_string(3 + id % 5 * longer) +
               R"(, "logprobs": 5, "return_token_ids": true, )" + sampling + "}}\n";
      ++id;
    }
  }
  lines += R"({"custom_id": "chat", "method": "POST", "url": "/v1/chat/completions", "body": )"
           R"({"messages": [{"role": "user", "content": "Who art thou?"}], "max_tokens": 20}})"
           "\n{\"custom_id\": \"bad\"}\n";
  for (
      const char* body :
      {R"("prompt": "And the", "n": 3, "top_p": 0.8, "stop": ["the", "and"])",
       R"("prompt": ["O Lord", "My lord"], "n": 2, "top_k": 7, "seed": 3, "echo": true, "logprobs": 2)",
       R"("prompt": "Hark! who", "min_p": 0.05, "presence_penalty": 1, "frequency_penalty": 0.5)",
       R"("prompt": "Now therefore", "repetition_penalty": 1.4, "prompt_logprobs": 3)",
       R"("prompt": "Now therefore", "logit_bias": {"300": 4}, "min_tokens": 20, "max_tokens": 40)"}) {
    lines += R"({"custom_id": "r)" + std::to_string(id++) +
             R"(", "url": "/v1/completions", "body": {)" + body + "}}\n";
  }
  return lines;
}

// For models without a tokenizer.
std::string TokenRequests() {
  std::string lines;
  for (int id = 0; id < 9; ++id) {
    std::string prompt = "1";
    for (int i = 1; i < 1 + id * id; ++i) prompt += ", " + std::to_string((i * 37 + id) % 500);
    lines += R"({"custom_id": "r)" + std::to_string(id) +
             R"(", "url": "/v1/completions", "body": {"prompt": [)" + prompt +
             R"(], "max_tokens": 12, "logprobs": 5, "ignore_eos": true, "temperature": )" +
             (id % 2 == 0 ? "0" : "0.8") + "}}\n";
  }
  return lines;
}

struct VariantCase {
  const char* name;
  const char* model;
  const char* flags;
};

class SameBytesTest : public testing::TestWithParam<VariantCase> {};

TEST_P(SameBytesTest, ForEveryVariant) {
  const VariantCase c = GetParam();
  const std::string directory = TestDirectory();
  const bool has_text = std::string(c.model) == kDemoModel;
  WriteFile(directory + "/in.jsonl", has_text ? TextRequests() : TokenRequests());
  const auto run = [&](int ranks, const std::string& flags, const std::string& output) {
    const std::string arguments = std::string("run-batch --model ") + c.model + " -i " + directory +
                                  "/in.jsonl -o " + directory + output + " --overwrite " + c.flags +
                                  " " + flags;
    // Which takes four times as long; of each kind of requests once.
    const bool find_leaks = ranks == 3 && *c.flags == '\0';
    const ProcessResult result =
        find_leaks ? RunOctetAndFindLeaks(ranks, arguments) : RunOctet(ranks, arguments);
    ASSERT_EQ(result.exit_code, 0) << result.output;
  };
  run(0, "--threads 1", "/expected.jsonl");
  const std::string expected = ReadFile(directory + "/expected.jsonl");
  EXPECT_NE(expected.find("\"status_code\":200"), std::string::npos);
  for (const auto& [ranks, flags] : kVariants) {
    run(ranks, flags, "/out.jsonl");
    EXPECT_EQ(ReadFile(directory + "/out.jsonl"), expected) << ranks << " ranks " << flags;
  }
  if (!has_text) return;
  run(kSmallCache.ranks, kSmallCache.flags + directory, "/out.jsonl");
  EXPECT_EQ(ReadFile(directory + "/out.jsonl"), expected) << kSmallCache.flags;
  const auto report = ParseJson(ReadFile(directory + "/summary.json"));
  EXPECT_GE(report["preemptions"], 2);
}

INSTANTIATE_TEST_SUITE_P(Models, SameBytesTest,
                         testing::Values(VariantCase{"demo_bfloat16", kDemoModel, ""},
                                         VariantCase{"demo_float32", kDemoModel, "--dtype float32"},
                                         VariantCase{"basic", kBasic, ""},
                                         VariantCase{"window_tied", kWindow, "--dtype bfloat16"}),
                         [](const testing::TestParamInfo<VariantCase>& test) {
                           return test.param.name;
                         });

TEST(SameBytes, WithWeightsOfAPackCache) {
  const std::string directory = TestDirectory();
  WriteFile(directory + "/in.jsonl", TextRequests(/*longer=*/2));
  const auto run = [&](int ranks, const std::string& flags) {
    const ProcessResult result =
        RunOctet(ranks, std::string("run-batch --model ") + kDemoModel + " -i " + directory +
                            "/in.jsonl -o " + directory + "/out.jsonl --overwrite " + flags);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return result.output;
  };
  run(0, "--isa avx2");  // AMX adds up in another order
  const std::string of_avx2 = ReadFile(directory + "/out.jsonl");
  run(0, "");
  const std::string expected = ReadFile(directory + "/out.jsonl");
  const std::string cache = "--pack-cache " + directory + "/cache ";
  const std::string said = run(2, cache + "--placement round-robin");
  EXPECT_EQ(ReadFile(directory + "/out.jsonl"), expected);
  EXPECT_THAT(said, HasSubstr("GB to --pack-cache " + directory + "/cache in"));
  EXPECT_THAT(said, Not(HasSubstr("mapped")));
  for (const Variant& variant :
       {Variant{0, ""}, {3, "--placement random:1"}, {4, "--ep-size 2"}, {1, "--isa avx2"}}) {
    const std::string later = run(variant.ranks, cache + variant.flags);
    const bool is_avx2 = std::string(variant.flags) == "--isa avx2";
    EXPECT_EQ(ReadFile(directory + "/out.jsonl"), is_avx2 ? of_avx2 : expected) << variant.flags;
    EXPECT_THAT(later, HasSubstr("GB mapped"));
    EXPECT_THAT(later, Not(HasSubstr("GB to --pack-cache")));
  }
  const std::string nowhere = run(2, "--pack-cache /proc/self/nothing");
  EXPECT_EQ(ReadFile(directory + "/out.jsonl"), expected);
  EXPECT_THAT(nowhere, HasSubstr("note: rank 1: packed weights are not kept: /proc/self/nothing"));
}

// But AMX, whose tiles define another order.
TEST(SameBytes, EveryInstructionPathRoundsAlike) {
  const std::string directory = TestDirectory();
  WriteFile(directory + "/in.jsonl", TextRequests(/*longer=*/2));
  std::string first;
  for (const Isa isa : SupportedIsas()) {
    if (isa == Isa::kAmx) continue;
    const ProcessResult result =
        RunOctet(0, std::string("run-batch --model ") + kDemoModel + " -i " + directory +
                        "/in.jsonl -o " + directory + "/out.jsonl --overwrite --isa " + Name(isa));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const std::string output = ReadFile(directory + "/out.jsonl");
    if (first.empty()) first = output;
    EXPECT_EQ(output, first) << Name(isa);
  }
}

}  // namespace
}  // namespace octet
