#include "launch/bench/swiglu.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "launch/bench/number_pattern.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr int kExperts = kSwiGluShape.num_experts;
constexpr int kTopk = kSwiGluShape.topk;

// The ids of the pattern's matrices.
constexpr int kExpertInput = 3 * kExperts;
constexpr int W1(int expert) { return 3 * expert; }
constexpr int W2(int expert) { return 3 * expert + 1; }
constexpr int W3(int expert) { return 3 * expert + 2; }

struct Shape {
  int64_t hidden;
  int64_t intermediate;
};

std::vector<ExpertWeights> MakeExperts(const KernelBench& bench, const NumberPattern& pattern,
                                       Shape s) {
  std::vector<ExpertWeights> experts(kExperts);
  for (int e = 0; e < kExperts; ++e) {
    ExpertWeights& w = experts[e];
    w.gate_up = AllocatePacked(bench.backend, FormatOf(bench.dtype), 2 * s.intermediate, s.hidden);
    pattern.PackInto(bench.backend, W1(e), s.intermediate, 0, 2, w.gate_up);
    pattern.PackInto(bench.backend, W3(e), s.intermediate, 1, 2, w.gate_up);
    w.down = AllocatePacked(bench.backend, FormatOf(bench.dtype), s.hidden, s.intermediate);
    pattern.PackInto(bench.backend, W2(e), s.hidden, 0, 1, w.down);
  }
  return experts;
}

// The rows of each expert.
struct Load {
  std::vector<int32_t> rows;     // of x, grouped by expert
  std::vector<int32_t> offsets;  // [kExperts + 1]
};

Load MakeLoad(int64_t tokens) {
  constexpr int kShares = kExperts * (kExperts + 1) / 2;
  Load load;
  load.offsets.push_back(0);
  const int64_t total = kTopk * tokens;
  int shares = 0;
  for (int e = 0; e < kExperts; ++e) {
    shares += kExperts - e;
    load.offsets.push_back(static_cast<int32_t>(total * shares / kShares));
  }
  for (int64_t i = 0; i < total; ++i) load.rows.push_back(static_cast<int32_t>(i % tokens));
  return load;
}

// Makes the load of tokens that `routing` sends to experts.
Load MakeLoad(int64_t tokens, RoutingLoad& routing) {
  std::vector<std::vector<int32_t>> rows(kExperts);
  for (int64_t t = 0; t < tokens; ++t) {
    std::array<int32_t, kTopk> experts;
    routing.Choose(/*layer=*/0, /*line=*/t, /*position=*/0, experts);
    for (const int32_t e : experts) rows[e].push_back(static_cast<int32_t>(t));
  }
  Load load;
  load.offsets.push_back(0);
  for (const auto& of_expert : rows) {
    load.rows.insert(load.rows.end(), of_expert.begin(), of_expert.end());
    load.offsets.push_back(static_cast<int32_t>(load.rows.size()));
  }
  return load;
}

std::string Describe(Shape s, const SwiGluRouting& routing) {
  return absl::StrCat(kExperts, " experts of [", s.intermediate, ", ", s.hidden, "]",
                      routing.name.empty() ? "" : ", ", Escaped(routing.name));
}

// A sum, and the sum of its summands' magnitudes.
struct Sum {
  double value = 0;
  double magnitude = 0;

  void Add(double x) {
    value += x;
    magnitude += std::abs(x);
  }
};

// Returns a row of a matrix of the pattern.
std::vector<double> Row(const NumberPattern& pattern, DType dtype, int id, int64_t row,
                        int64_t cols) {
  const float* numbers = pattern.Rows(id, row, 1, cols).f32(0);
  std::vector<double> rounded(cols);
  for (int64_t i = 0; i < cols; ++i) rounded[i] = RoundTo(dtype, numbers[i]);
  return rounded;
}

// Computes some outputs for one token.
std::vector<Sum> Reference(const NumberPattern& pattern, DType dtype, Shape s, int expert,
                           int64_t token, std::span<const int64_t> outputs) {
  const std::vector<double> x = Row(pattern, dtype, kExpertInput, token, s.hidden);
  const auto product = [&](int weight, int64_t n) {
    const std::vector<double> w = Row(pattern, dtype, weight, n, s.hidden);
    return std::inner_product(x.begin(), x.end(), w.begin(), 0.0);
  };
  std::vector<Sum> sums(outputs.size());
  for (int64_t j = 0; j < s.intermediate; ++j) {
    const double gate = product(W1(expert), j);
    const double up = product(W3(expert), j);
    const double between = RoundTo(dtype, gate / (1 + std::exp(-gate)) * up);
    for (size_t i = 0; i < outputs.size(); ++i) {
      sums[i].Add(between * pattern.At(W2(expert), outputs[i], j, dtype));
    }
  }
  return sums;
}

// Compares some outputs of the first and the last row with arithmetic in double.
bool IsSwiGlu(const NumberPattern& pattern, DType dtype, Shape s, const Load& load, ConstMatrix y) {
  // Summands near the middle of two bfloat16 numbers may round to either.
  const double slack = dtype == DType::kBF16 ? 0.03 / static_cast<double>(s.intermediate) : 0;
  const std::vector<int64_t> outputs = {0, s.hidden / 3, s.hidden - 1};
  for (const int64_t row : {int64_t{0}, y.rows - 1}) {
    const auto next = std::upper_bound(load.offsets.begin(), load.offsets.end(), row);
    const int expert = static_cast<int>(next - load.offsets.begin()) - 1;
    const std::vector<Sum> sums = Reference(pattern, dtype, s, expert, load.rows[row], outputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const float got = y.f32(row)[outputs[i]];
      if (!IsNear(got, sums[i].value, sums[i].magnitude, slack)) return false;
    }
  }
  return true;
}

double BytesRead(const std::vector<ExpertWeights>& experts, const Load& load) {
  double bytes = 0;
  for (int e = 0; e < kExperts; ++e) {
    if (load.offsets[e + 1] > load.offsets[e]) bytes += static_cast<double>(experts[e].bytes());
  }
  return bytes;
}

}  // namespace

std::vector<KernelResult> BenchSwiGlu(const KernelBench& bench, int64_t hidden,
                                      int64_t intermediate, std::span<const int64_t> tokens,
                                      const SwiGluRouting& routing) {
  const Shape shape = {hidden, intermediate};
  const int64_t most_tokens = tokens.empty() ? 0 : *std::max_element(tokens.begin(), tokens.end());
  const NumberPattern pattern(std::max({hidden, intermediate, most_tokens}),
                              std::max(hidden, intermediate));
  const std::vector<ExpertWeights> experts = MakeExperts(bench, pattern, shape);
  std::vector<const ExpertWeights*> pointers;
  pointers.reserve(kExperts);
  for (const ExpertWeights& e : experts) pointers.push_back(&e);
  std::vector<KernelResult> results;
  for (const int64_t t : tokens) {
    const Load load = routing.load == nullptr ? MakeLoad(t) : MakeLoad(t, *routing.load);
    const auto x = pattern.Copy(bench.backend, kExpertInput, t, hidden, bench.dtype);
    const auto rows = std::ssize(load.rows);
    const Buffer y_buffer = bench.backend.Allocate(rows * hidden * sizeof(float));
    const Matrix y = {y_buffer.data(), DType::kF32, rows, hidden, hidden};
    KernelResult& result = results.emplace_back();
    result.time = TimeKernel(
        bench,
        {.kernel = "swiglu",
         .shape = Describe(shape, routing),
         .rows = rows,
         .operations = 6.0 * rows * hidden * intermediate,
         .operations_per_second = bench.dot_products,
         .bytes = BytesRead(experts, load),
         .bytes_per_second = bench.dram_read},
        [&] { bench.backend.GroupedSwiGlu(x.matrix, load.rows, load.offsets, pointers, y); });
    result.right = IsSwiGlu(pattern, bench.dtype, shape, load, y);
  }
  return results;
}

}  // namespace octet
