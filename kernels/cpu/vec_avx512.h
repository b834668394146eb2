// 16 float lanes in one AVX-512 register. Included only by the AVX-512 paths.

#ifndef OCTET_KERNELS_CPU_VEC_AVX512_H_
#define OCTET_KERNELS_CPU_VEC_AVX512_H_

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/units_avx512.h"

namespace octet {

// The operations of Avx2 (kernels/cpu/vec_avx2.h), each with the same roundings.
struct Avx512 : Avx512Units {
  using Vec = __m512;
  struct Pairs {
    Vec even, odd;
  };

  // The number of rows of x whose sums with 1, 2, 4 or 8 panels of 16 outputs fit 32 registers.
  static constexpr int F32Rows(int panels) { return panels == 8 ? 3 : panels == 4 ? 6 : 14; }
  static constexpr int Bf16Rows(int panels) { return panels == 8 ? 1 : panels == 4 ? 4 : 12; }
  // Rows of attention that are folded together, and vectors of their sums at a time.
  static constexpr int kAttentionRows = 8;
  static constexpr int AttentionVectors(int rows) { return rows > 4 ? 2 : rows > 2 ? 4 : 8; }

  static Vec Zero() { return _mm512_setzero_ps(); }
  static Vec Set1(float x) { return _mm512_set1_ps(x); }
  static Vec Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static Vec Load(const float* p, int n) { return _mm512_maskz_loadu_ps(Mask(n), p); }
  static void Store(float* p, Vec v, int n) { _mm512_mask_storeu_ps(p, Mask(n), v); }
  static Vec LoadBf16(const uint16_t* p) {
    const __m256i bf16 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16));
  }

  static Vec Add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec Sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  static Vec Mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static Vec Div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
  static Vec Max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static Vec Min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static Vec Fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static Vec Round(Vec a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Vec Scale(Vec a, Vec n) {
    const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return Mul(a, _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23)));
  }
  static Vec ZeroBelow(Vec a, Vec x, Vec least) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, least, _CMP_NLT_UQ), a);
  }
  static float Sum(Vec v) {
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
  }
  static float HorizontalMax(Vec v) { return _mm512_reduce_max_ps(v); }

  static Pairs LoadPairs(const void* p) { return Split(_mm512_loadu_si512(p)); }
  static Pairs Set1Pairs(uint32_t pair) { return Split(_mm512_set1_epi32(static_cast<int>(pair))); }
  static Vec DotPairs(Vec acc, Pairs a, Pairs b) {
    return Fma(a.even, b.even, Fma(a.odd, b.odd, acc));
  }

  static Units WidenBf16(const void* p) { return _mm512_slli_epi32(WidenWords(p), 16); }
  static Units WidenHalf(const void* p) {
    const __m512i half = WidenWords(p);
    const __m512i magnitude = _mm512_and_si512(half, _mm512_set1_epi32(0x7fff));
    const __m512i rebias = _mm512_set1_epi32(112 << 23);
    const __m512i normal = _mm512_add_epi32(_mm512_slli_epi32(magnitude, 13), rebias);
    const __m512 denormal = _mm512_mul_ps(_mm512_cvtepi32_ps(magnitude), _mm512_set1_ps(0x1p-24F));
    const __mmask16 is_special =
        _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7bff));  // infinite or NaN
    const __mmask16 is_denormal = _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(0x400), magnitude);
    __m512i bits = _mm512_mask_add_epi32(normal, is_special, normal, rebias);
    bits = _mm512_mask_mov_epi32(bits, is_denormal, _mm512_castps_si512(denormal));
    return _mm512_or_si512(bits, _mm512_slli_epi32(_mm512_sub_epi32(half, magnitude), 16));
  }
  static Units RoundPairs(Units a, Units b) {
    const __m512i low = _mm512_castsi256_si512(_mm512_cvtepi32_epi16(RoundToUpperHalf(a)));
    return _mm512_inserti64x4(low, _mm512_cvtepi32_epi16(RoundToUpperHalf(b)), 1);
  }
  // Always inline: the objects of paths that build on these vectors would else share a copy.
  static inline __attribute__((always_inline)) void StoreTransposed(const Units (&rows)[16],
                                                                    void* to) {
    Units pairs[16];  // [row / 2][half]: two columns of two rows in each lane of 128 bits
    for (int i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    Units fours[16];  // [row / 4][column % 4]: a column of four rows in each lane
    for (int i = 0; i < 16; i += 4) {
      fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    auto* out = static_cast<__m512i*>(to);
    for (int q = 0; q < 4; ++q) {
      const Units even_low = _mm512_shuffle_i32x4(fours[q], fours[4 + q], 0x88);
      const Units odd_low = _mm512_shuffle_i32x4(fours[q], fours[4 + q], 0xdd);
      const Units even_high = _mm512_shuffle_i32x4(fours[8 + q], fours[12 + q], 0x88);
      const Units odd_high = _mm512_shuffle_i32x4(fours[8 + q], fours[12 + q], 0xdd);
      _mm512_storeu_si512(out + q, _mm512_shuffle_i32x4(even_low, even_high, 0x88));
      _mm512_storeu_si512(out + 4 + q, _mm512_shuffle_i32x4(odd_low, odd_high, 0x88));
      _mm512_storeu_si512(out + 8 + q, _mm512_shuffle_i32x4(even_low, even_high, 0xdd));
      _mm512_storeu_si512(out + 12 + q, _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd));
    }
  }

 private:
  static __m512i RoundToUpperHalf(__m512i bits) {
    const __m512i upper = _mm512_srli_epi32(bits, 16);
    const __m512i tie = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    const __m512i half = _mm512_add_epi32(tie, _mm512_set1_epi32(0x7fff));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
    const __mmask16 is_nan = _mm512_cmpgt_epi32_mask(
        _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff)), _mm512_set1_epi32(0x7f800000));
    return _mm512_mask_or_epi32(rounded, is_nan, upper, _mm512_set1_epi32(0x40));
  }
  static __mmask16 Mask(int n) {
    return n >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1U << n) - 1);
  }
  static Pairs Split(__m512i pairs) {
    const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
            _mm512_castsi512_ps(_mm512_and_si512(pairs, upper))};
  }
};

#ifdef __AVX512VNNI__
// The vectors with the instructions for dot products of bytes.
struct Avx512Vnni : Avx512 {
  static constexpr bool kCountsWords = false;

  template <bool kWide>
  static Units DotBytes(Units acc, Units w, Units x) {
    return _mm512_dpbusd_epi32(acc, w, x);
  }
  static Units DotWords(Units acc, Units a, Units b) { return _mm512_dpwssd_epi32(acc, a, b); }
};
#endif

#ifdef __AVX512BF16__
// Besides, with the instruction for dot products of pairs of bf16: processors that have it have the
// others.
struct Avx512Bf16 : Avx512Vnni {
  using Pairs = __m512bh;

  static constexpr int Bf16Rows(int panels) { return F32Rows(panels); }

  static Pairs LoadPairs(const void* p) { return (__m512bh)_mm512_loadu_si512(p); }
  static Pairs Set1Pairs(uint32_t pair) {
    return (__m512bh)_mm512_set1_epi32(static_cast<int>(pair));
  }
  static Vec DotPairs(Vec acc, Pairs a, Pairs b) { return _mm512_dpbf16_ps(acc, a, b); }
};
#endif

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_VEC_AVX512_H_
