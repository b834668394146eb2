#include "launch/bench/expert_shares.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/check.h"

namespace octet {
namespace {

// The weight and share that experts with a whole share leave to the others.
struct Rest {
  double weight = 0;
  int64_t share = 0;
};

Rest FindRest(std::span<const double> weights, std::span<const int64_t> shares, int topk) {
  Rest rest = {.share = topk * kWholeShare};
  for (size_t e = 0; e < weights.size(); ++e) {
    if (shares[e] == kWholeShare) {
      rest.share -= kWholeShare;
    } else {
      rest.weight += weights[e];
    }
  }
  return rest;
}

// Gives a whole share to experts that would get more. Returns false if there were none.
bool CapShares(std::span<const double> weights, const Rest& rest, std::span<int64_t> shares) {
  bool capped = false;
  for (size_t e = 0; e < weights.size(); ++e) {
    const double share = static_cast<double>(rest.share) * (weights[e] / rest.weight);
    if (shares[e] == kWholeShare || share < static_cast<double>(kWholeShare)) continue;
    shares[e] = kWholeShare;
    capped = true;
  }
  return capped;
}

}  // namespace

std::vector<int64_t> MakeShares(std::span<const double> weights, int topk) {
  std::vector<int64_t> shares(weights.size());
  Rest rest = FindRest(weights, shares, topk);
  while (rest.share > 0 && CapShares(weights, rest, shares)) rest = FindRest(weights, shares, topk);
  if (rest.share == 0) return shares;
  OCTET_CHECK(rest.share > 0 && rest.weight > 0) << rest.share << ", " << rest.weight;
  int64_t left = rest.share;
  for (size_t e = 0; e < weights.size(); ++e) {
    if (shares[e] == kWholeShare) continue;
    shares[e] = static_cast<int64_t>(static_cast<double>(rest.share) * (weights[e] / rest.weight));
    left -= shares[e];
  }
  // Distributes the remainder of rounding: what rounding down left, or what rounded products
  // exceed.
  for (size_t e = 0; e < weights.size() && left != 0; ++e) {
    if (shares[e] == kWholeShare || weights[e] == 0) continue;
    const int64_t now = std::clamp<int64_t>(shares[e] + left, 0, kWholeShare);
    left -= now - shares[e];
    shares[e] = now;
  }
  OCTET_CHECK(left == 0) << left;
  return shares;
}

void ChooseExperts(std::span<const int32_t> order, std::span<const int64_t> shares, uint32_t point,
                   std::span<int32_t> chosen) {
  int64_t end = 0;
  size_t next = 0;
  for (size_t i = 0; i < order.size() && next < chosen.size(); ++i) {
    end += shares[i];
    if (static_cast<int64_t>(point) + static_cast<int64_t>(next) * kWholeShare >= end) continue;
    chosen[next++] = order[i];
  }
  OCTET_CHECK_EQ(next, chosen.size());
}

}  // namespace octet
