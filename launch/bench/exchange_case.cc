#include "launch/bench/exchange_case.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "runtime/model/random.h"

namespace octet {
namespace {

// Returns a whole number in [-128, 128).
float Element(int rank, int64_t token, int64_t col) {
  uint64_t bits = static_cast<uint64_t>(rank) << 56 ^ static_cast<uint64_t>(token) << 24 ^
                  static_cast<uint64_t>(col);
  bits = (bits ^ bits >> 32) * 0xD6E8FEB86659FD93;  // a multiplicative hash
  bits = (bits ^ bits >> 32) * 0xD6E8FEB86659FD93;
  return static_cast<float>(static_cast<int>(bits >> 56) - 128);
}

}  // namespace

Routing ExchangeCase::RoutingOf(int rank) const {
  Routing routing = {.num_tokens = tokens_per_rank, .topk = topk};
  std::vector<int32_t> experts(num_experts);
  for (int64_t t = 0; t < tokens_per_rank; ++t) {
    const auto uniform = [&](int position) {
      return Uniform({.seed = seed, .line = t, .choice = rank, .position = position});
    };
    std::iota(experts.begin(), experts.end(), 0);
    double sum = 0;
    for (int slot = 0; slot < topk; ++slot) {
      const int left = num_experts - slot;
      std::swap(experts[slot], experts[slot + static_cast<int>(uniform(slot) * left)]);
      sum += 1 + uniform(topk + slot);
    }
    for (int slot = 0; slot < topk; ++slot) {
      routing.topk_idx.push_back(experts[slot]);
      routing.topk_weights.push_back(static_cast<float>((1 + uniform(topk + slot)) / sum));
    }
  }
  return routing;
}

void ExchangeCase::FillInput(int rank, Matrix x) const {
  for (int64_t t = 0; t < x.rows; ++t) {
    for (int64_t c = 0; c < x.cols; ++c) x.f32(t)[c] = Element(rank, t, c);
  }
}

bool ExchangeCase::IsCombined(int rank, ConstMatrix y) const {
  const Routing routing = RoutingOf(rank);
  for (int64_t t = 0; t < tokens_per_rank; ++t) {
    const int32_t* experts = routing.topk_idx.data() + t * topk;
    const float* weights = routing.topk_weights.data() + t * topk;
    for (int64_t c = 0; c < hidden_size; ++c) {
      const float x = Element(rank, t, c);
      float sum = -0.0F;  // to which any number can be added without change
      for (int slot = 0; slot < topk; ++slot) {
        const float product = weights[slot] * (FactorOf(experts[slot]) * x);
        sum += product;
      }
      if (std::bit_cast<uint32_t>(sum) != std::bit_cast<uint32_t>(y.f32(t)[c])) return false;
    }
  }
  return true;
}

}  // namespace octet
