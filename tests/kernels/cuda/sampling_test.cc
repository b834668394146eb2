// The draw of tokens on the emulated device, beside TokenFilter for the same probabilities.

#include "kernels/cuda/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/base/token_filter.h"
#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::kOrders;
using cuda_emu::kSeeds;
using cuda_emu::NormalNumbers;
using cuda_emu::Site;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kDraws = 0x1p53;

struct Drawn {
  std::vector<int32_t> tokens;
  std::vector<float> probabilities;  // [rows, vocab_size]
  bool is_good = false;
};

struct Rows {
  int64_t vocab_size;
  std::vector<float> logits;
  std::vector<float> scales;
  std::vector<SampleRow> rows;

  void Add(std::vector<float> row, float scale, const SampleRow& sample) {
    logits.insert(logits.end(), row.begin(), row.end());
    scales.push_back(scale);
    rows.push_back(sample);
  }
};

Drawn Draw(const Rows& in, uint64_t seed = 1, const Site& removed = {}) {
  Emulation::Device().Reset({.seed = seed, .removed = removed});
  const TestStream stream;
  const auto count = std::ssize(in.rows);
  const DeviceArray<float> logits(in.logits, stream), scales(in.scales, stream),
      probabilities(std::ssize(in.logits));
  const DeviceArray<SampleRow> rows(in.rows, stream);
  const DeviceArray<int32_t> tokens(count);
  const Sampling sampling = {
      .logits = ViewOf(logits, count, in.vocab_size, in.vocab_size),
      .scales = scales.data(),
      .rows = rows.data(),
      .probabilities = ViewOf(probabilities, count, in.vocab_size, in.vocab_size),
      .tokens = tokens.data()};
  if (sampling.Compute(stream) != cudaSuccess || stream.Wait() != cudaSuccess) return {};
  return {tokens.Read(stream), probabilities.Read(stream), true};
}

int32_t Expected(const Rows& in, const Drawn& drawn, size_t row) {
  TokenFilter filter;
  const SampleRow& sample = in.rows[row];
  const auto size = static_cast<size_t>(in.vocab_size);
  return filter.Draw(std::span(drawn.probabilities).subspan(row * size, size),
                     {.min_p = sample.min_p, .top_k = sample.top_k, .top_p = sample.top_p},
                     static_cast<double>(sample.draw) / kDraws);
}

void ExpectTokensOfFilter(const Rows& in) {
  const Drawn drawn = Draw(in);
  ASSERT_TRUE(drawn.is_good);
  EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
  for (size_t r = 0; r < in.rows.size(); ++r) {
    const SampleRow& row = in.rows[r];
    ASSERT_EQ(drawn.tokens[r], Expected(in, drawn, r))
        << "row " << r << ": " << row.min_p << ", " << row.top_k << ", " << row.top_p << ", "
        << row.draw;
  }
}

// Every combination of filters comes with equal chance.
SampleRow RandomSample(std::mt19937& random, int64_t vocab_size) {
  std::uniform_real_distribution<float> share;
  SampleRow row;
  if (random() % 2 == 0) row.min_p = share(random) * share(random);
  if (random() % 2 == 0) row.top_k = static_cast<int32_t>(1 + random() % (vocab_size + 2));
  if (random() % 2 == 0) row.top_p = share(random);
  row.draw = (uint64_t{random()} << 32 | random()) >> 11;
  return row;
}

std::vector<float> RandomLogits(std::mt19937& random, int64_t count) {
  std::vector<float> logits = NormalNumbers(count, random());
  const uint32_t kind = random() % 4;
  for (float& x : logits) {
    if (kind == 1) x = std::round(2 * x) / 2;  // many equal ones
    if (kind == 2) x *= 20;                    // down to probabilities that are 0
    if (kind == 3 && random() % 8 == 0) x = -kInf;
  }
  logits[random() % logits.size()] = 2;
  return logits;
}

TEST(CudaSampling, TokensAreThoseOfTheFilter) {
  std::mt19937 random(7);
  for (const auto& [vocab_size, rows] : {std::pair{1, 5}, {31, 500}, {513, 100}, {32000, 6}}) {
    Rows in = {.vocab_size = vocab_size};
    for (int r = 0; r < (kSanitized ? std::min(rows, 50) : rows); ++r) {
      in.Add(RandomLogits(random, vocab_size), 0.5F + static_cast<float>(random() % 4),
             RandomSample(random, vocab_size));
    }
    ExpectTokensOfFilter(in);
  }
}

TEST(CudaSampling, LargeVocabularies) {
  constexpr int64_t kVocabSize = 128256;
  std::mt19937 random(8);
  Rows in = {.vocab_size = kVocabSize};
  in.Add(NormalNumbers(kVocabSize, 1), 1, {.draw = uint64_t{1} << 52});
  in.Add(NormalNumbers(kVocabSize, 2), 1, {.top_p = 0.9F, .draw = uint64_t{3} << 51});
  in.Add(NormalNumbers(kVocabSize, 3), 2, {.top_k = 1000, .draw = uint64_t{5} << 50});
  in.Add(std::vector<float>(kVocabSize), 1, {.top_p = 0.5F, .draw = uint64_t{1} << 52});
  ExpectTokensOfFilter(in);
}

// The draws at which the cumulative sums of TokenFilter pass, and those next to them: only its own
// roundings tell which token it is.
TEST(CudaSampling, DrawsAtTheBordersOfTokens) {
  std::mt19937 random(9);
  for (const bool is_filtered : {false, true}) {
    constexpr int64_t kVocabSize = 40;
    Rows in = {.vocab_size = kVocabSize};
    for (int r = 0; r < (kSanitized ? 10 : 40); ++r) {
      in.Add(RandomLogits(random, kVocabSize), 1, {.top_k = is_filtered ? 30 : 0});
    }
    const Drawn drawn = Draw(in);
    ASSERT_TRUE(drawn.is_good);
    for (size_t r = 0; r < in.rows.size(); ++r) {
      const auto begin = drawn.probabilities.begin() + static_cast<int64_t>(r) * kVocabSize;
      std::vector<float> p(begin, begin + kVocabSize);
      if (is_filtered) std::ranges::sort(p, std::greater());
      p.resize(is_filtered ? 30 : kVocabSize);
      const double total = std::accumulate(p.begin(), p.end(), 0.0);
      const double sum = std::accumulate(p.begin(), p.begin() + random() % p.size(), 0.0);
      const auto border = static_cast<int64_t>(sum / total * kDraws);
      const int64_t draw = border + static_cast<int64_t>(random() % 5) - 2;
      in.rows[r].draw = std::clamp<int64_t>(draw, 0, (int64_t{1} << 53) - 1);
    }
    ExpectTokensOfFilter(in);
  }
}

// Sums of equal powers of two are exact, and reach what is wanted exactly.
TEST(CudaSampling, EqualProbabilities) {
  constexpr int64_t kVocabSize = 64;
  Rows in = {.vocab_size = kVocabSize};
  for (uint64_t i = 0; i <= 64; i += kSanitized ? 8 : 1) {
    const float top_p = i == 0 ? 1 : static_cast<float>(i) / 64;
    const uint64_t draw = i * 7 % 64 << 47;
    in.Add(std::vector<float>(kVocabSize), 1, {.top_p = top_p, .draw = draw});
    in.Add(std::vector<float>(kVocabSize), 1, {.top_k = 33, .top_p = top_p, .draw = draw + 1});
    in.Add(std::vector<float>(kVocabSize), 1, {.draw = draw});
  }
  ExpectTokensOfFilter(in);
}

TEST(CudaSampling, TheFirstOfTheGreatestWithoutTemperature) {
  Rows in = {.vocab_size = 5};
  in.Add({1, 3, 0, 3, 2}, 0, {.draw = uint64_t{1} << 52});
  in.Add({-kInf, -kInf, -5, -6, -5}, 0, {});
  in.Add({-0.0F, 0.0F, -1, 0, -2}, 0, {});
  in.Add({0, 0, 0, 0, 9}, 1, {.top_k = 1});
  in.Add({kNan, kNan, kNan, kNan, kNan}, 0, {});
  in.Add({0, kNan, 0, 0, 1}, 1, {.top_k = 1});
  EXPECT_THAT(Draw(in).tokens, ElementsAre(1, 2, 0, 4, 0, 0));
}

TEST(CudaSampling, ARowDoesNotDependOnOthersOrTheOrderOfThreads) {
  std::mt19937 random(10);
  Rows in = {.vocab_size = 700};
  for (int r = 0; r < 6; ++r) {
    in.Add(RandomLogits(random, 700), 1, RandomSample(random, 700));
  }
  const Drawn all = Draw(in);
  for (uint64_t seed = 2; seed <= kOrders; ++seed) EXPECT_EQ(Draw(in, seed).tokens, all.tokens);
  for (size_t r = 0; r < 6; ++r) {
    Rows one = {.vocab_size = 700};
    one.Add({in.logits.begin() + r * 700, in.logits.begin() + (r + 1) * 700}, 1, in.rows[r]);
    EXPECT_THAT(Draw(one).tokens, ElementsAre(all.tokens[r]));
  }
}

TEST(CudaSampling, ARowThatIsNotFiniteGetsAnyToken) {
  constexpr int kVocabSize = 700;
  for (const float wrong : {kNan, kInf}) {
    Rows in = {.vocab_size = kVocabSize};
    std::vector<float> logits(kVocabSize);
    logits[300] = wrong;
    for (const float scale : {0.0F, 1.0F}) {
      in.Add(logits, scale, {.draw = uint64_t{1} << 52});
      in.Add(logits, scale, {.top_k = 300, .top_p = 0.8F, .draw = uint64_t{1} << 52});
      in.Add(logits, scale, {.min_p = 0.1F, .draw = uint64_t{1} << 52});
    }
    const Drawn drawn = Draw(in);
    EXPECT_TRUE(drawn.is_good);
    EXPECT_THAT(drawn.tokens,
                testing::Each(testing::AllOf(testing::Ge(0), testing::Lt(kVocabSize))));
  }
}

// Without one of them a draw is another, or threads wait for ever.
TEST(CudaSampling, NeedsEachOfItsSynchronisations) {
  std::mt19937 random(11);
  Rows in = {.vocab_size = 700};
  in.Add(RandomLogits(random, 700), 1, {.top_k = 300, .top_p = 0.8F, .draw = uint64_t{1} << 52});
  in.Add(RandomLogits(random, 700), 1, {.draw = uint64_t{1} << 52});
  in.Add(std::vector<float>(700), 1, {.top_p = 0.5F});  // by exact sums
  in.Add(std::vector<float>(700), 1, {.draw = 0});
  in.Add(RandomLogits(random, 700), 0, {});
  const Drawn drawn = Draw(in);
  ASSERT_TRUE(drawn.is_good);
  const std::vector<Site> sites = Emulation::Device().sites();
  EXPECT_EQ(sites.size(), 8U);
  if (kSanitized) return;  // what follows says nothing of memory, and shifts by what nobody wrote
  for (const Site& site : sites) {
    int others = 0;
    for (uint64_t seed = 1; seed <= kSeeds && others == 0; ++seed) {
      const Drawn without = Draw(in, seed, site);
      if (!without.is_good || without.tokens != drawn.tokens ||
          without.probabilities != drawn.probabilities) {
        ++others;
      }
    }
    EXPECT_GT(others, 0) << site.file << ":" << site.line << " is not needed";
  }
  Emulation::Device().Reset({});
}

TEST(CudaSampling, LogprobsAndRanks) {
  constexpr int64_t kVocabSize = 700;
  std::vector<float> x = NormalNumbers(3 * kVocabSize, 13);
  for (float& logit : x) logit = std::round(4 * logit) / 4;  // many equal ones
  const std::vector<int32_t> chosen = {0, 350, 699};
  const auto compute = [&](const TestStream& stream) {
    const DeviceArray<float> logits(x, stream), logprobs(3);
    const DeviceArray<int32_t> tokens(chosen, stream), ranks(3);
    EXPECT_EQ(TokenLogprobs(ViewOf(logits, 3, kVocabSize, kVocabSize), tokens.data(),
                            logprobs.data(), ranks.data(), stream),
              cudaSuccess);
    std::vector<float> result = logprobs.Read(stream);
    for (const int32_t rank : ranks.Read(stream)) result.push_back(static_cast<float>(rank));
    return result;
  };
  const std::vector<float> result = cuda_emu::ComputeWith(1, compute);
  EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
  for (int r = 0; r < 3; ++r) {
    const std::span row = std::span(x).subspan(r * kVocabSize, kVocabSize);
    const int32_t token = chosen[r];
    double sum = 0;
    for (const float logit : row) sum += std::exp(static_cast<double>(logit));
    int rank = 1;
    for (int32_t t = 0; t < kVocabSize; ++t) {
      rank += row[t] > row[token] || (row[t] == row[token] && t < token) ? 1 : 0;
    }
    EXPECT_NEAR(result[r], row[token] - std::log(sum), 1e-5);
    EXPECT_EQ(result[3 + r], rank);
  }
  EXPECT_EQ(cuda_emu::ComputeWith(2, compute), result);
}

TEST(CudaSampling, AllFinite) {
  constexpr int64_t kCols = 1100;
  std::vector<float> x = NormalNumbers(5 * kCols, 12);
  x[1 * kCols] = kNan;
  x[3 * kCols - 1] = kInf;
  x[3 * kCols + 600] = -kInf;
  const auto compute = [&](const TestStream& stream) {
    const DeviceArray<float> numbers(x, stream);
    const DeviceArray<int32_t> are_finite(5);
    EXPECT_EQ(AllFinite(ViewOf(numbers, 5, kCols, kCols), are_finite.data(), stream), cudaSuccess);
    const std::vector<int32_t> result = are_finite.Read(stream);
    return std::vector<float>(result.begin(), result.end());
  };
  EXPECT_THAT(cuda_emu::ExpectExact(compute, 1), ElementsAre(1, 0, 0, 0, 1));
}

}  // namespace
}  // namespace octet::cuda
