// 16 float lanes in two AVX2 registers. Included only by the AVX2 path.

#ifndef OCTET_KERNELS_CPU_VEC_AVX2_H_
#define OCTET_KERNELS_CPU_VEC_AVX2_H_

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/units_avx2.h"

namespace octet {

// Every path implements these operations on 16 lanes with the same roundings: runtime/README.md,
// Numerics.
struct Avx2 : Avx2Units {
  using Vec = Floats;
  // 16 pairs of bf16, split into floats.
  struct Pairs {
    Vec even, odd;
  };

  // The number of rows of x whose sums with 1, 2, 4 or 8 panels of 16 outputs fit 16 registers.
  static constexpr int F32Rows(int panels) {
    return panels == 8 ? 0 : panels == 4 ? 1 : panels == 2 ? 2 : 6;
  }
  static constexpr int Bf16Rows(int panels) {
    return panels == 8 ? 0 : panels == 4 ? 1 : panels == 2 ? 1 : 4;
  }
  static constexpr int kAttentionRows = 2;
  static constexpr int AttentionVectors(int rows) { return rows > 1 ? 2 : 4; }

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
  // These return b if either is a NaN.
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
  // 0 where x < least, else a
  static Vec ZeroBelow(Vec a, Vec x, Vec least) {
    return {_mm256_and_ps(a.lo, _mm256_cmp_ps(x.lo, least.lo, _CMP_NLT_UQ)),
            _mm256_and_ps(a.hi, _mm256_cmp_ps(x.hi, least.hi, _CMP_NLT_UQ))};
  }
  // Adds in a fixed tree: lanes 8 apart, then 4, 2 and 1.
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

  // 16 bf16 as floats, as bits: no operation treats a denormal or NaN as another.
  static Units WidenBf16(const void* p) {
    const auto [lo, hi] = WidenWords(p);
    return {_mm256_slli_epi32(lo, 16), _mm256_slli_epi32(hi, 16)};
  }
  // 16 IEEE half precision numbers as floats: HalfToFloat (kernels/base/dtype.h).
  static Units WidenHalf(const void* p) {
    const auto [lo, hi] = WidenWords(p);
    return {HalfToFloats(lo), HalfToFloats(hi)};
  }
  // 32 floats as pairs of bf16: ToBF16 (kernels/base/dtype.h).
  static Units RoundPairs(Units a, Units b) { return {Round16(a), Round16(b)}; }
  // Stores 16 vectors of 64 bytes; vector k has unit k of each row. Stores past the caches gain
  // nothing.
  // Always inline: the objects of paths that build on these vectors would else share a copy.
  static inline __attribute__((always_inline)) void StoreTransposed(const Units (&rows)[16],
                                                                    void* to) {
    auto* out = static_cast<__m256i*>(to);
    for (int half = 0; half < 2; ++half) {
      __m256i columns[8];
      for (int i = 0; i < 8; ++i) columns[i] = rows[8 * half + i].lo;
      Transpose8x8(columns);
      for (int k = 0; k < 8; ++k) _mm256_storeu_si256(out + 2 * k + half, columns[k]);
      for (int i = 0; i < 8; ++i) columns[i] = rows[8 * half + i].hi;
      Transpose8x8(columns);
      for (int k = 0; k < 8; ++k) _mm256_storeu_si256(out + 2 * (8 + k) + half, columns[k]);
    }
  }

 private:
  static __m256i HalfToFloats(__m256i half) {
    const __m256i magnitude = _mm256_and_si256(half, _mm256_set1_epi32(0x7fff));
    const __m256i rebias = _mm256_set1_epi32(112 << 23);
    const __m256i normal = _mm256_add_epi32(_mm256_slli_epi32(magnitude, 13), rebias);
    const __m256i denormal =
        _mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(magnitude), _mm256_set1_ps(0x1p-24F)));
    const __m256i is_special =
        _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7bff));  // infinite or NaN
    const __m256i is_denormal = _mm256_cmpgt_epi32(_mm256_set1_epi32(0x400), magnitude);
    __m256i bits = _mm256_add_epi32(normal, _mm256_and_si256(is_special, rebias));
    bits = _mm256_blendv_epi8(bits, denormal, is_denormal);
    return _mm256_or_si256(bits, _mm256_slli_epi32(_mm256_sub_epi32(half, magnitude), 16));
  }
  static __m256i RoundToUpperHalf(__m256i bits) {
    const __m256i upper = _mm256_srli_epi32(bits, 16);
    const __m256i tie = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    const __m256i half = _mm256_add_epi32(tie, _mm256_set1_epi32(0x7fff));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half), 16);
    const __m256i is_nan = _mm256_cmpgt_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)),
                                              _mm256_set1_epi32(0x7f800000));
    return _mm256_blendv_epi8(rounded, _mm256_or_si256(upper, _mm256_set1_epi32(0x40)), is_nan);
  }
  static __m256i Round16(Units floats) {
    const __m256i packed =
        _mm256_packus_epi32(RoundToUpperHalf(floats.lo), RoundToUpperHalf(floats.hi));
    return _mm256_permute4x64_epi64(packed, 0xd8);  // packs lanes of 128 bits by themselves
  }
  static inline __attribute__((always_inline)) void Transpose8x8(__m256i (&v)[8]) {
    __m256i pairs[8];  // [row / 2][half]: two columns of two rows in each lane of 128 bits
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
    }
    __m256i fours[8];  // [row / 4][column % 4]: a column of four rows in each lane
    for (int i = 0; i < 8; i += 4) {
      fours[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
      fours[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
      fours[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      fours[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (int q = 0; q < 4; ++q) {
      v[q] = _mm256_permute2x128_si256(fours[q], fours[4 + q], 0x20);
      v[4 + q] = _mm256_permute2x128_si256(fours[q], fours[4 + q], 0x31);
    }
  }
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

#ifdef __AVXVNNI__
// The vectors with the instructions for dot products of bytes.
struct AvxVnni : Avx2 {
  static constexpr bool kCountsWords = false;

  template <bool kWide>
  static Units DotBytes(Units acc, Units w, Units x) {
    return {_mm256_dpbusd_avx_epi32(acc.lo, w.lo, x.lo),
            _mm256_dpbusd_avx_epi32(acc.hi, w.hi, x.hi)};
  }
  static Units DotWords(Units acc, Units a, Units b) {
    return {_mm256_dpwssd_avx_epi32(acc.lo, a.lo, b.lo),
            _mm256_dpwssd_avx_epi32(acc.hi, a.hi, b.hi)};
  }
};
#endif

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_VEC_AVX2_H_
