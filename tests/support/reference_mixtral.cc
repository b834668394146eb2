#include "tests/support/reference_mixtral.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/base/check.h"
#include "kernels/base/weight_format.h"

namespace octet {
namespace {

std::vector<double> ValuesOf(const GgufContents::Tensor& tensor) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(tensor.bytes.data());
  std::vector<double> values;
  for (const WeightFormat format : kQuantisedFormats) {
    if (GgmlTypeOf(format) != tensor.type) continue;
    const BlockGeometry geometry = GeometryOf(format);
    const size_t runs = tensor.bytes.size() / geometry.bytes * geometry.weights / kRunSize;
    for (size_t r = 0; r < runs; ++r) {
      const WeightRun run = UnpackRun(format, bytes, static_cast<int64_t>(r));
      for (int i = 0; i < kRunSize; ++i) values.push_back(run.weight(i));
    }
    return values;
  }
  OCTET_CHECK_EQ(tensor.type, 0U) << "neither float32 nor quantised";
  std::vector<float> floats(tensor.bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes, tensor.bytes.size());
  return {floats.begin(), floats.end()};
}

void Add(const std::vector<double>& x, std::vector<double>& sum) {
  for (size_t i = 0; i < x.size(); ++i) sum[i] += x[i];
}

}  // namespace

ReferenceMixtral::ReferenceMixtral(const ModelConfig& config, const GgufContents& contents,
                                   ReferenceActivations activations)
    : config_(config), activations_(activations), cache_(config.num_layers) {
  for (const auto& [name, tensor] : contents.tensors) {
    weights_[name] = {.cols = static_cast<int64_t>(tensor.dims[0]),
                      .quantised = tensor.type != 0,
                      .values = ValuesOf(tensor)};
  }
}

ReferenceMixtral::Vector ReferenceMixtral::Norm(const std::string& name, const Vector& x) const {
  double squares = 0;
  for (const double value : x) squares += value * value;
  const double scale =
      1 / std::sqrt(squares / static_cast<double>(x.size()) + config_.rms_norm_eps);
  Vector y = Find(name).values;
  for (size_t i = 0; i < y.size(); ++i) y[i] *= x[i] * scale;
  return y;
}

ReferenceMixtral::Vector ReferenceMixtral::Rounded(Vector x) {
  constexpr size_t kBlock = 256;
  for (size_t first = 0; first < x.size(); first += kBlock) {
    const size_t end = std::min(first + kBlock, x.size());
    double greatest = 0;
    for (size_t i = first; i < end; ++i) greatest = std::max(greatest, std::abs(x[i]));
    if (greatest == 0) continue;
    for (size_t i = first; i < end; ++i) {
      const double steps = x[i] * 127 / greatest;
      margin_ = std::min(margin_, std::abs(steps - std::floor(steps) - 0.5));
      x[i] = std::nearbyint(steps) * greatest / 127;
    }
  }
  return x;
}

ReferenceMixtral::Vector ReferenceMixtral::Multiply(const std::string& name, const Vector& x,
                                                    int64_t part, int64_t num_parts) {
  const Weight& w = Find(name);
  const bool rounds = w.quantised && activations_ == ReferenceActivations::kRounded;
  const Vector inputs = rounds ? Rounded(x) : x;
  OCTET_CHECK_EQ(std::ssize(inputs), w.cols);
  const int64_t rows = std::ssize(w.values) / w.cols / num_parts;
  Vector y(rows);
  for (int64_t r = 0; r < rows; ++r) {
    const double* const row = w.values.data() + (part * rows + r) * w.cols;
    y[r] = std::inner_product(inputs.begin(), inputs.end(), row, 0.0);
  }
  return y;
}

void ReferenceMixtral::Rotate(Vector& heads, int64_t position) const {
  const int dim = config_.head_dim;
  for (size_t first = 0; first < heads.size(); first += 2) {
    const double exponent = static_cast<double>(first % dim) / dim;
    const double angle = static_cast<double>(position) * std::pow(config_.rope_theta, -exponent);
    const double a = heads[first];
    const double b = heads[first + 1];
    heads[first] = a * std::cos(angle) - b * std::sin(angle);
    heads[first + 1] = a * std::sin(angle) + b * std::cos(angle);
  }
}

ReferenceMixtral::Vector ReferenceMixtral::Attention(int layer, const Vector& x) {
  const std::string stem = absl::StrCat("blk.", layer, ".attn_");
  KeysAndValues& kv = cache_[layer];
  Vector q = Multiply(stem + "q", x);
  kv.keys.push_back(Multiply(stem + "k", x));
  kv.values.push_back(Multiply(stem + "v", x));
  const auto tokens = std::ssize(kv.keys);
  Rotate(q, tokens - 1);
  Rotate(kv.keys.back(), tokens - 1);
  const int dim = config_.head_dim;
  Vector out(q.size());
  for (int head = 0; head < config_.num_heads; ++head) {
    const int kv_first = head / (config_.num_heads / config_.num_kv_heads) * dim;
    double sum = 0;
    for (int64_t t = 0; t < tokens; ++t) {
      const double* const key = kv.keys[t].data() + kv_first;
      const auto query = q.begin() + head * dim;
      const double score = std::inner_product(query, query + dim, key, 0.0);
      const double p = std::exp(score / std::sqrt(dim));
      sum += p;
      for (int d = 0; d < dim; ++d) out[head * dim + d] += p * kv.values[t][kv_first + d];
    }
    for (int d = 0; d < dim; ++d) out[head * dim + d] /= sum;
  }
  return Multiply(stem + "output", out);
}

ReferenceMixtral::Vector ReferenceMixtral::Experts(int layer, const Vector& x) {
  const std::string stem = absl::StrCat("blk.", layer, ".ffn_");
  const Vector scores = Multiply(stem + "gate_inp", x);
  const int experts = config_.num_experts;
  const int topk = config_.experts_per_token;
  std::vector<int> order(experts);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return scores[a] > scores[b]; });
  margin_ = std::min(margin_, scores[order[topk - 1]] - scores[order[topk]]);
  double sum = 0;
  for (int i = 0; i < topk; ++i) sum += std::exp(scores[order[i]]);
  Vector y(x.size());
  for (int i = 0; i < topk; ++i) {
    const int e = order[i];
    Vector hidden = Multiply(stem + "gate_exps", x, e, experts);
    const Vector up = Multiply(stem + "up_exps", x, e, experts);
    for (size_t h = 0; h < hidden.size(); ++h) hidden[h] *= up[h] / (1 + std::exp(-hidden[h]));
    Vector out = Multiply(stem + "down_exps", hidden, e, experts);
    for (double& value : out) value *= std::exp(scores[e]) / sum;
    Add(out, y);
  }
  return y;
}

std::vector<double> ReferenceMixtral::Logits(const std::vector<int32_t>& tokens) {
  std::vector<double> logits;
  for (KeysAndValues& kv : cache_) kv = {};
  for (const int32_t token : tokens) {
    const auto row = Find("token_embd").values.begin() + int64_t{token} * config_.hidden_size;
    Vector x(row, row + config_.hidden_size);
    for (int l = 0; l < config_.num_layers; ++l) {
      const std::string stem = absl::StrCat("blk.", l, ".");
      Add(Attention(l, Norm(stem + "attn_norm", x)), x);
      Add(Experts(l, Norm(stem + "ffn_norm", x)), x);
    }
    const Vector of_token = Multiply("output", Norm("output_norm", x));
    logits.insert(logits.end(), of_token.begin(), of_token.end());
  }
  return logits;
}

}  // namespace octet
