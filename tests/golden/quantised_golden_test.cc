// Models with weights of each quantised format, against arithmetic in double on what the files say.

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/cpu/isa.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/quantised_rows.h"
#include "tests/support/rank_model.h"
#include "tests/support/reference_mixtral.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

constexpr double kQuantisedTolerance = 1e-5;  // of the largest logit

ModelConfig SmallShape() {
  ModelConfig config;
  config.vocab_size = BareModel(/*byte_fallback=*/true).pieces_size();
  config.hidden_size = 256;
  config.intermediate_size = 512;
  config.num_layers = 2;
  config.num_heads = 4;
  config.num_kv_heads = 2;
  config.head_dim = 64;
  config.num_experts = 4;
  config.max_position_embeddings = 64;
  return config;
}

// Makes the tensors of a model, each from its own seed.
class TensorMaker {
 public:
  TensorMaker(GgufContents& contents, WeightFormat format) : contents_(contents), format_(format) {}

  // As files have norms and routers.
  void AddFloats(const std::string& name, const std::vector<uint64_t>& dims, float mean,
                 float deviation) {
    std::mt19937 generator(seed_++);
    std::normal_distribution<float> normal(mean, deviation);
    std::vector<float> values(dims[0] * (dims.size() > 1 ? dims[1] : 1));
    for (float& value : values) value = normal(generator);
    GgufContents::Tensor& tensor = contents_.tensors[name + ".weight"];
    tensor = {dims, 0, std::string(values.size() * sizeof(float), '\0')};
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  }

  // Any blocks whose weights have a mean square of about 1 / dims[0].
  void AddBlocks(const std::string& name, const std::vector<uint64_t>& dims) {
    const auto cols = static_cast<int64_t>(dims[0]);
    const int64_t rows = static_cast<int64_t>(dims[1] * (dims.size() > 2 ? dims[2] : 1));
    const auto scale = static_cast<float>(1 / RootMeanSquare() / std::sqrt(cols));
    const auto w = QuantisedRows::Random(format_, rows, cols, seed_++, scale);
    contents_.tensors[name + ".weight"] = {
        dims, GgmlTypeOf(format_),
        std::string(reinterpret_cast<const char*>(w.row(0)), rows * w.row_bytes())};
  }

 private:
  // That of weights whose scales are about 1.
  double RootMeanSquare() const {
    constexpr int kRuns = 256;
    const auto w = QuantisedRows::Random(format_, 1, kRuns * kRunSize, 1, 1);
    double squares = 0;
    for (int r = 0; r < kRuns; ++r) {
      const WeightRun run = UnpackRun(format_, w.row(0), r);
      for (int i = 0; i < kRunSize; ++i) squares += double{run.weight(i)} * run.weight(i);
    }
    return std::sqrt(squares / (kRuns * kRunSize));
  }

  GgufContents& contents_;
  const WeightFormat format_;
  uint32_t seed_ = 1;
};

GgufContents SmallModel(const ModelConfig& c, WeightFormat format) {
  const auto hidden = static_cast<uint64_t>(c.hidden_size);
  const auto inner = static_cast<uint64_t>(c.intermediate_size);
  const auto experts = static_cast<uint64_t>(c.num_experts);
  const auto head_dim = static_cast<uint64_t>(c.head_dim);
  const uint64_t q_dim = head_dim * c.num_heads;
  const uint64_t kv_dim = head_dim * c.num_kv_heads;
  const auto vocabulary = static_cast<uint64_t>(c.vocab_size);
  GgufContents contents;
  contents.SetShape(c);
  contents.SetTokenizer(BareModel(/*byte_fallback=*/true));
  TensorMaker make(contents, format);
  make.AddBlocks("token_embd", {hidden, vocabulary});
  make.AddBlocks("output", {hidden, vocabulary});
  make.AddFloats("output_norm", {hidden}, 1, 0.2F);
  for (int l = 0; l < c.num_layers; ++l) {
    const std::string stem = absl::StrCat("blk.", l, ".");
    make.AddFloats(stem + "attn_norm", {hidden}, 1, 0.2F);
    make.AddBlocks(stem + "attn_q", {hidden, q_dim});
    make.AddBlocks(stem + "attn_k", {hidden, kv_dim});
    make.AddBlocks(stem + "attn_v", {hidden, kv_dim});
    make.AddBlocks(stem + "attn_output", {q_dim, hidden});
    make.AddFloats(stem + "ffn_norm", {hidden}, 1, 0.2F);
    make.AddFloats(stem + "ffn_gate_inp", {hidden, experts}, 0, 0.06F);
    make.AddBlocks(stem + "ffn_gate_exps", {hidden, inner, experts});
    make.AddBlocks(stem + "ffn_up_exps", {hidden, inner, experts});
    make.AddBlocks(stem + "ffn_down_exps", {inner, hidden, experts});
  }
  return contents;
}

std::vector<int32_t> RandomTokens(uint32_t seed, int vocab_size) {
  std::mt19937 generator(seed);
  std::vector<int32_t> tokens(6);
  for (int32_t& token : tokens) token = static_cast<int32_t>(generator() % vocab_size);
  return tokens;
}

// Returns the greatest difference, as a share of the largest logit.
template <class T>
double Error(const std::vector<T>& logits, const std::vector<double>& expected) {
  OCTET_CHECK_EQ(logits.size(), expected.size());
  double largest = 0;
  double error = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    error = std::max(error, std::abs(logits[i] - expected[i]));
  }
  return error / largest;
}

struct QuantisedCase {
  WeightFormat format;
  uint32_t seed;  // of tokens whose activations all lie far enough from where rounding is undecided
};

class QuantisedGoldenTest : public testing::TestWithParam<QuantisedCase> {
 protected:
  QuantisedGoldenTest() { files_.files["m.gguf"] = contents_.Bytes(); }

  std::vector<float> Logits(Isa isa, int num_ranks, int64_t chunk) {
    const ModelFiles model = OpenModelOrDie(files_, "m.gguf");
    std::vector<float> logits;
    RunLocalRanks(num_ranks, [&](Communicator& comm) {
      RankModel rank(comm, model, {.isa = isa, .max_tokens = std::ssize(tokens_)});
      const int64_t chunks = (std::ssize(tokens_) + chunk - 1) / chunk;
      std::vector<float> mine = rank.Logits(tokens_, chunk, chunks);
      if (comm.rank() == 0) logits = std::move(mine);
    });
    return logits;
  }

  const ModelConfig config_ = SmallShape();
  const GgufContents contents_ = SmallModel(config_, GetParam().format);
  const std::vector<int32_t> tokens_ = RandomTokens(GetParam().seed, config_.vocab_size);
  MemoryFileSystem files_;
};

TEST_P(QuantisedGoldenTest, LogitsAreThoseOfTheWeightsInDouble) {
  ReferenceMixtral reference(config_, contents_, ReferenceActivations::kRounded);
  const std::vector<double> expected = reference.Logits(tokens_);
  // float32 errs by 1e-5 of a step; a number that rounds the other way changes logits by 1e-3.
  ASSERT_GT(reference.margin(), 2e-4) << "another seed is needed";
  for (const Isa isa : SupportedIsas()) {
    for (const int num_ranks : {1, 3}) {
      EXPECT_LE(Error(Logits(isa, num_ranks, 6), expected), kQuantisedTolerance)
          << Name(isa) << num_ranks;
      EXPECT_LE(Error(Logits(isa, num_ranks, 1), expected), kQuantisedTolerance)
          << Name(isa) << num_ranks;
    }
  }
  ReferenceMixtral exact(config_, contents_, ReferenceActivations::kExact);
  EXPECT_GT(Error(exact.Logits(tokens_), expected), 100 * kQuantisedTolerance)
      << "rounding would not show";
}

INSTANTIATE_TEST_SUITE_P(Formats, QuantisedGoldenTest,
                         testing::Values(QuantisedCase{WeightFormat::kQ4_0, 11706},
                                         QuantisedCase{WeightFormat::kQ4_1, 1680},
                                         QuantisedCase{WeightFormat::kQ5_0, 2585},
                                         QuantisedCase{WeightFormat::kQ5_1, 18646},
                                         QuantisedCase{WeightFormat::kQ8_0, 4075},
                                         QuantisedCase{WeightFormat::kQ4_K, 10061},
                                         QuantisedCase{WeightFormat::kQ5_K, 4269},
                                         QuantisedCase{WeightFormat::kQ6_K, 10559}),
                         [](const auto& test) { return std::string(Name(test.param.format)); });

}  // namespace
}  // namespace octet
