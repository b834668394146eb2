// Models with damaged weights: who meets them gets no answer, the others get theirs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/cpu/isa.h"
#include "tests/support/damaged_model.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const std::string kDamagedLayer = "model.layers.1.";
const std::string kDamagedMoe = kDamagedLayer + "block_sparse_moe.";

// Greedy and drawn, with and without logprobs of answer and prompt; token 300 only in the second.
std::vector<NewSequence> MixedRequests() {
  std::vector<NewSequence> requests;
  const std::vector<std::vector<int32_t>> prompts = {
      {1, 17, 9, 40}, {1, 300, 8}, {1, 5, 6, 7, 8, 9, 10, 11}, {1, 90}, {1, 77, 76, 75, 74}};
  for (int i = 0; i < std::ssize(prompts); ++i) {
    requests.push_back(GreedyRequest(i, prompts[i], 4 + i));
    SamplingParams& params = *requests.back().mutable_params();
    params.set_temperature(i % 2 == 0 ? 0 : 0.8F);
    params.set_num_logprobs(i % 3 - 1);
    params.set_num_prompt_logprobs(i == 2 ? 1 : -1);
    if (i == 3) params.set_repetition_penalty(1.2F);
  }
  return requests;
}

struct RunAnswers {
  std::vector<FinishedSequence> finished;
  std::vector<std::string> notes;

  bool failed(int i) const { return finished[i].finish_reason() == NOT_FINITE; }
  std::string bytes(int i) const { return finished[i].SerializeAsString(); }
};

// One sequence after the other on each rank, so that each gets the pages of those before it.
RunAnswers RunDamaged(DamagedModel& damaged, int num_ranks, const RankModelOptions& options = {}) {
  const ModelFiles model = OpenModelOrDie(damaged.files(), DamagedModel::kDirectory);
  RunAnswers answers;
  answers.finished =
      RunEngine(num_ranks, model, options,
                {.max_num_seqs = num_ranks, .max_num_batched_tokens = 6 * num_ranks, .pages = {2}},
                MixedRequests(), &answers.notes);
  return answers;
}

void ExpectSame(const RunAnswers& a, const RunAnswers& b) {
  ASSERT_EQ(a.finished.size(), b.finished.size());
  for (size_t i = 0; i < a.finished.size(); ++i) EXPECT_EQ(a.bytes(i), b.bytes(i)) << i;
  EXPECT_EQ(a.notes, b.notes);
}

const std::vector<std::string> kDamagedTensors = {"model.embed_tokens.weight",
                                                  kDamagedLayer + "input_layernorm.weight",
                                                  kDamagedLayer + "self_attn.q_proj.weight",
                                                  kDamagedLayer + "self_attn.k_proj.weight",
                                                  kDamagedLayer + "self_attn.v_proj.weight",
                                                  kDamagedLayer + "self_attn.o_proj.weight",
                                                  kDamagedLayer + "post_attention_layernorm.weight",
                                                  kDamagedMoe + "gate.weight",
                                                  kDamagedMoe + "experts.3.w1.weight",
                                                  kDamagedMoe + "experts.3.w2.weight",
                                                  kDamagedMoe + "experts.3.w3.weight",
                                                  "model.norm.weight",
                                                  "lm_head.weight"};

class NotFiniteTest : public testing::TestWithParam<std::string> {
 protected:
  bool is_vector() const { return GetParam().find("norm") != std::string::npos; }
  bool is_table() const { return GetParam().find("embed") != std::string::npos; }
  bool is_of_expert() const { return GetParam().find("experts") != std::string::npos; }
  // A row that some request reads.
  int64_t row() const { return is_vector() ? 0 : is_table() ? 300 : 5; }
};

TEST_P(NotFiniteTest, WhoMeetsADamagedWeightGetsNoAnswerAndTheOthersTheirs) {
  DamagedModel sound;
  const RunAnswers expected = RunDamaged(sound, 1);
  EXPECT_THAT(expected.notes, IsEmpty());
  for (const float value : {kNan, kInf, -kInf}) {
    DamagedModel damaged;
    damaged.Damage(GetParam(), row(), 11, value);
    const RunAnswers answers = RunDamaged(damaged, 1);
    int failed = 0;
    for (int i = 0; i < std::ssize(expected.finished); ++i) {
      if (answers.failed(i)) {
        ++failed;
        EXPECT_EQ(answers.finished[i].token_ids_size(), 0);
      } else {
        EXPECT_EQ(answers.bytes(i), expected.bytes(i)) << i;
      }
    }
    EXPECT_GT(failed, 0) << value;
    if (is_table()) {
      EXPECT_EQ(failed, 1) << value;
      EXPECT_TRUE(answers.failed(1)) << value;
    } else if (!is_of_expert()) {
      EXPECT_EQ(failed, std::ssize(expected.finished)) << value;
    }
    EXPECT_THAT(answers.notes, ElementsAre(HasSubstr("a weight in row " + std::to_string(row()) +
                                                     " of " + GetParam() + " is " +
                                                     (std::isnan(value) ? "NaN" : "infinite"))));
    for (const int ranks : {2, 4}) ExpectSame(RunDamaged(damaged, ranks), answers);
  }
}

// What is finite may be garbage, but nothing is out of bounds, and ranks agree.
TEST_P(NotFiniteTest, HugeWeightsAreSurvived) {
  for (const float value : {3e38F, -3e38F, 1e25F}) {
    DamagedModel damaged;
    damaged.Damage(GetParam(), row(), 11, value);
    const RunAnswers answers = RunDamaged(damaged, 1);
    ExpectSame(RunDamaged(damaged, 3), answers);
    for (const std::string& note : answers.notes) {
      EXPECT_THAT(note, HasSubstr("no weight is NaN or infinite"));
      EXPECT_THAT(note, HasSubstr("row " + std::to_string(row()) + " of " + GetParam()));
    }
  }
}

TEST_P(NotFiniteTest, OnEveryInstructionPath) {
  for (const Isa isa : SupportedIsas()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const RankModelOptions options = {.isa = isa, .dtype = dtype};
      DamagedModel damaged;
      damaged.Damage(GetParam(), row(), 11, kNan);
      const RunAnswers answers = RunDamaged(damaged, 1, options);
      const bool all = !is_table() && !is_of_expert();
      for (int i = 0; all && i < std::ssize(answers.finished); ++i) {
        EXPECT_TRUE(answers.failed(i)) << Name(isa) << " " << i;
      }
      EXPECT_THAT(answers.notes, ElementsAre(HasSubstr(GetParam() + " is NaN"))) << Name(isa);
    }
  }
}

std::string CaseName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Tensors, NotFiniteTest, testing::ValuesIn(kDamagedTensors), CaseName);

TEST(NotFinite, ADamagedRowThatNobodyReadsChangesNothing) {
  DamagedModel sound;
  DamagedModel damaged;
  damaged.Damage("model.embed_tokens.weight", 511, 0, kNan);
  ExpectSame(RunDamaged(damaged, 2), RunDamaged(sound, 2));
}

// The first of several, in the order in which the model uses them, whoever has it.
TEST(NotFinite, TheFirstDamagedWeightIsNamed) {
  DamagedModel damaged;
  damaged.Damage("lm_head.weight", 3, 0, kNan);
  damaged.Damage(kDamagedMoe + "experts.1.w2.weight", 9, 5, kNan);
  damaged.Damage(kDamagedMoe + "experts.7.w1.weight", 2, 1, kNan);
  for (const int ranks : {1, 2, 4}) {
    EXPECT_THAT(
        RunDamaged(damaged, ranks).notes,
        ElementsAre(HasSubstr("in row 9 of " + kDamagedMoe + "experts.1.w2.weight is NaN")));
  }
  damaged.Damage("model.layers.0.self_attn.k_proj.weight", 30, 63, -kInf);
  EXPECT_THAT(
      RunDamaged(damaged, 2).notes,
      ElementsAre(HasSubstr("row 30 of model.layers.0.self_attn.k_proj.weight is infinite")));
}

}  // namespace
}  // namespace octet
