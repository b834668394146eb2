// Row kernels, written once for every instruction path.

#ifndef OCTET_KERNELS_CPU_ELEMENTWISE_IMPL_H_
#define OCTET_KERNELS_CPU_ELEMENTWISE_IMPL_H_

#include <cstdint>
#include <limits>

#include "kernels/base/dtype.h"

namespace octet {

// Calls f(i, n) for i = 0, 16, 32, ... with n = 16 or, at the end, the number of elements left.
template <class F>
inline __attribute__((always_inline)) void ForVectors(int64_t cols, F f) {
  int64_t i = 0;
  for (; i + 16 <= cols; i += 16) f(i, 16);
  if (i < cols) f(i, static_cast<int>(cols - i));
}

// Returns e^x within 2 units in the last place; 0 below -87.3 (where the result would be denormal),
// and at most 2^127. A NaN stays a NaN, because Min and Max return their second operand if either
// is a NaN. Coefficients: Cephes, expf.
template <class S>
typename S::Vec Exp(typename S::Vec x) {
  using Vec = typename S::Vec;
  const Vec least = S::Set1(-87.33654F);
  const Vec clamped = S::Min(S::Set1(88.37626F), S::Max(least, x));
  const Vec n = S::Round(S::Mul(clamped, S::Set1(1.44269504F)));
  Vec r = S::Fma(n, S::Set1(-0.693359375F), clamped);
  r = S::Fma(n, S::Set1(2.12194440e-4F), r);
  Vec p = S::Set1(1.9875691500e-4F);
  p = S::Fma(p, r, S::Set1(1.3981999507e-3F));
  p = S::Fma(p, r, S::Set1(8.3334519073e-3F));
  p = S::Fma(p, r, S::Set1(4.1665795894e-2F));
  p = S::Fma(p, r, S::Set1(1.6666665459e-1F));
  p = S::Fma(p, r, S::Set1(5.0000001201e-1F));
  p = S::Fma(p, S::Mul(r, r), S::Add(r, S::Set1(1.0F)));
  return S::ZeroBelow(S::Scale(p, n), x, least);
}

// A row whose squares are too large to be added has no scale: it becomes NaN, not zeros that look
// like a result.
template <class S>
void RmsNormImpl(const float* x, const float* weight, float eps, int64_t cols, float* y) {
  auto squares = S::Zero();
  ForVectors(cols, [&](int64_t i, int n) {
    const auto v = S::Load(x + i, n);
    squares = S::Fma(v, v, squares);
  });
  const float mean = S::Sum(squares) / static_cast<float>(cols);
  const float root = __builtin_sqrtf(mean + eps);
  const auto scale = S::Set1(__builtin_isinf(root) ? __builtin_nanf("") : 1.0F / root);
  ForVectors(cols, [&](int64_t i, int n) {
    S::Store(y + i, S::Mul(S::Mul(S::Load(x + i, n), scale), S::Load(weight + i, n)), n);
  });
}

// gate * sigmoid(gate) * up
template <class S>
typename S::Vec SwiGlu(typename S::Vec gate, typename S::Vec up) {
  const auto silu = S::Div(gate, S::Add(S::Set1(1.0F), Exp<S>(S::Sub(S::Zero(), gate))));
  return S::Mul(silu, up);
}

template <class S>
void AddScaledImpl(const float* x, float weight, int64_t cols, float* y) {
  const auto w = S::Set1(weight);
  ForVectors(cols, [&](int64_t i, int n) {
    S::Store(y + i, S::Add(S::Load(y + i, n), S::Mul(w, S::Load(x + i, n))), n);
  });
}

template <class S>
void ToBf16Impl(const float* x, int64_t cols, BF16* y) {
  int64_t i = 0;
  for (; i + 32 <= cols; i += 32) {
    S::StoreUnits(y + i, S::RoundPairs(S::LoadUnits(x + i), S::LoadUnits(x + i + 16)));
  }
  for (; i < cols; ++i) y[i] = ToBF16(x[i]);
}

template <class S>
float RowMaxImpl(const float* x, int64_t cols) {
  auto max = S::Set1(-std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + 16 <= cols; i += 16) max = S::Max(max, S::Load(x + i));
  float result = S::HorizontalMax(max);
  for (; i < cols; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

template <class S>
float ExpRowImpl(const float* x, float max, float scale, int64_t cols, float* y) {
  const auto shift = S::Set1(max);
  const auto factor = S::Set1(scale);
  auto sum = S::Zero();
  float tail = 0;
  ForVectors(cols, [&](int64_t i, int n) {
    const auto e = Exp<S>(S::Mul(factor, S::Sub(S::Load(x + i, n), shift)));
    if (y != nullptr) S::Store(y + i, e, n);
    if (n == 16) {
      sum = S::Add(sum, e);
    } else {
      alignas(64) float lanes[16];
      S::Store(lanes, e);
      for (int lane = 0; lane < n; ++lane) tail += lanes[lane];
    }
  });
  return S::Sum(sum) + tail;
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_ELEMENTWISE_IMPL_H_
