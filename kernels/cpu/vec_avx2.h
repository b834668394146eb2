// 16 float lanes in two AVX2 registers. Included only by the AVX2 path.

#ifndef OCTET_KERNELS_CPU_VEC_AVX2_H_
#define OCTET_KERNELS_CPU_VEC_AVX2_H_

#include <immintrin.h>

#include <cstdint>

namespace octet {

// Every path implements these operations on 16 lanes with the same roundings: README.md, Numerics.
struct Avx2 {
  struct Vec {
    __m256 lo, hi;
  };
  // 16 pairs of bf16, split into floats.
  struct Pairs {
    Vec even, odd;
  };

  // Rows of x whose sums with 1, 2, 4 or 8 panels of 16 outputs fit 16 registers.
  static constexpr int F32Rows(int panels) {
    return panels == 8 ? 0 : panels == 4 ? 1 : panels == 2 ? 2 : 6;
  }
  static constexpr int Bf16Rows(int panels) {
    return panels == 8 ? 0 : panels == 4 ? 1 : panels == 2 ? 1 : 4;
  }
  static constexpr int kRowVectors = 4;  // accumulators of one row in attention

  static Vec Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Vec Set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Vec Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void Store(float* p, Vec v) {
    _mm256_storeu_ps(p, v.lo);
    _mm256_storeu_ps(p + 8, v.hi);
  }
  static Vec Load(const float* p, int n) {
    return {_mm256_maskload_ps(p, Mask(n)), _mm256_maskload_ps(p + 8, Mask(n - 8))};
  }
  static void Store(float* p, Vec v, int n) {
    _mm256_maskstore_ps(p, Mask(n), v.lo);
    _mm256_maskstore_ps(p + 8, Mask(n - 8), v.hi);
  }
  static Vec LoadBf16(const uint16_t* p) {
    return {Widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            Widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }

  static Vec Add(Vec a, Vec b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
  static Vec Sub(Vec a, Vec b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
  static Vec Mul(Vec a, Vec b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
  static Vec Div(Vec a, Vec b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
  static Vec Max(Vec a, Vec b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
  static Vec Min(Vec a, Vec b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
  // a * b + c, rounded once
  static Vec Fma(Vec a, Vec b, Vec c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
  }
  // to the nearest integer, ties to even
  static Vec Round(Vec a) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.lo, kNearest), _mm256_round_ps(a.hi, kNearest)};
  }
  // a * 2^n for integral n whose power is normal
  static Vec Scale(Vec a, Vec n) { return Mul(a, {PowerOfTwo(n.lo), PowerOfTwo(n.hi)}); }
  // a where x >= least, else 0
  static Vec ZeroBelow(Vec a, Vec x, Vec least) {
    return {_mm256_and_ps(a.lo, _mm256_cmp_ps(x.lo, least.lo, _CMP_GE_OQ)),
            _mm256_and_ps(a.hi, _mm256_cmp_ps(x.hi, least.hi, _CMP_GE_OQ))};
  }
  // The fixed tree of the sum: lanes 8 apart, then 4, 2 and 1.
  static float Sum(Vec v) {
    const __m256 a = _mm256_add_ps(v.lo, v.hi);
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
  }
  static float HorizontalMax(Vec v) {
    const __m256 a = _mm256_max_ps(v.lo, v.hi);
    const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
  }

  // 16 pairs from 64 bytes.
  static Pairs LoadPairs(const void* p) {
    const auto* lines = static_cast<const __m256i*>(p);
    return Split(_mm256_loadu_si256(lines), _mm256_loadu_si256(lines + 1));
  }
  static Pairs Set1Pairs(uint32_t pair) {
    const __m256i both = _mm256_set1_epi32(static_cast<int>(pair));
    return Split(both, both);
  }
  // acc + odd products, then + even products, each fused: the order of VDPBF16PS.
  static Vec DotPairs(Vec acc, Pairs a, Pairs b) {
    return Fma(a.even, b.even, Fma(a.odd, b.odd, acc));
  }

 private:
  static __m256i Mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static __m256 Widen(__m128i bf16) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bf16), 16));
  }
  static __m256 PowerOfTwo(__m256 n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static Pairs Split(__m256i lo, __m256i hi) {
    const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xffff0000U));
    return {{_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)),
             _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))},
            {_mm256_castsi256_ps(_mm256_and_si256(lo, upper)),
             _mm256_castsi256_ps(_mm256_and_si256(hi, upper))}};
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_VEC_AVX2_H_
