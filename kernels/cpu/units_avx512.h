// 16 units of 32 bits in one AVX-512 register. Included only by the AVX-512 paths.

#ifndef OCTET_KERNELS_CPU_UNITS_AVX512_H_
#define OCTET_KERNELS_CPU_UNITS_AVX512_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace octet {

// The operations of Avx2Units (kernels/cpu/units_avx2.h), with the same results.
struct Avx512Units {
  using Units = __m512i;

  // Rows of activations whose sums with two panels fit 32 registers.
  static constexpr int kBlockRows = 6;
  // How far the prefetches of quantised weights run ahead of the products, in bytes of both panels,
  // and which share of those of a single tile comes before its products. Measured on Zen 5: with
  // half of the distance or twice of it, decoding of one sequence takes up to a third longer.
  static constexpr int64_t kBytesAhead = 16384;
  static constexpr int kEarlyPercent = 50;

  static Units ZeroUnits() { return _mm512_setzero_si512(); }
  static Units Set1Units(int32_t unit) { return _mm512_set1_epi32(unit); }
  static Units LoadUnits(const void* p) { return _mm512_loadu_si512(p); }
  static Units LoadHalves(const std::byte* p, size_t stride) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(Load256(p)), Load256(p + stride), 1);
  }
  static Units LoadQuarters(const std::byte* p, size_t stride) {
    __m512i u = _mm512_castsi128_si512(Load128(p));
    u = _mm512_inserti32x4(u, Load128(p + stride), 1);
    u = _mm512_inserti32x4(u, Load128(p + 2 * stride), 2);
    return _mm512_inserti32x4(u, Load128(p + 3 * stride), 3);
  }
  static void StoreUnits(void* p, Units u) { _mm512_storeu_si512(p, u); }
  static Units WidenBytes(const void* p) { return _mm512_cvtepu8_epi32(Load128(p)); }
  static Units WidenSignedBytes(const void* p) { return _mm512_cvtepi8_epi32(Load128(p)); }
  static Units WidenWords(const void* p) { return _mm512_cvtepu16_epi32(Load256(p)); }
  static void StoreBytes(void* p, Units u) {
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_cvtepi32_epi8(u));
  }
  static Units Xor(Units a, Units b) { return _mm512_xor_si512(a, b); }
  static Units And(Units a, Units b) { return _mm512_and_si512(a, b); }
  static Units Or(Units a, Units b) { return _mm512_or_si512(a, b); }
  template <int kBits>
  static Units ShiftLeft(Units u) {
    return _mm512_slli_epi32(u, kBits);
  }
  template <int kBits>
  static Units ShiftRight(Units u) {
    return _mm512_srli_epi32(u, kBits);
  }
  static Units AddUnits(Units a, Units b) { return _mm512_add_epi32(a, b); }
  static Units SubUnits(Units a, Units b) { return _mm512_sub_epi32(a, b); }
  static Units MulUnits(Units a, Units b) { return _mm512_mullo_epi32(a, b); }
  static Units SubWords(Units a, Units b) { return _mm512_sub_epi16(a, b); }
  static Units MulWords(Units a, Units b) { return _mm512_mullo_epi16(a, b); }
  static Units UpperWords(Units u) { return _mm512_srai_epi32(u, 16); }
  static __m512 ToFloats(Units u) { return _mm512_cvtepi32_ps(u); }
  static __m512 AsFloats(Units u) { return _mm512_castsi512_ps(u); }
  static Units AsUnits(__m512 v) { return _mm512_castps_si512(v); }
  static Units ToUnits(__m512 v) { return _mm512_cvtps_epi32(v); }

  template <bool kWide>
  static Units DotBytes(Units acc, Units w, Units x) {
    const __m512i ones = _mm512_set1_epi16(1);
    if constexpr (!kWide) return DotCounted(acc, w, x, ones);
    const __m512i top = _mm512_set1_epi8(static_cast<char>(0x80));
    acc = DotCounted(acc, _mm512_andnot_si512(top, w), x, ones);
    return DotCounted(acc, _mm512_and_si512(top, w), x, ones);
  }
  static constexpr bool kCountsWords = true;
  static Units DotCounted(Units acc, Units w, Units x, Units counts) {
    return DotWords(acc, _mm512_maddubs_epi16(w, x), counts);
  }
  static Units DotWords(Units acc, Units a, Units b) {
    return _mm512_add_epi32(acc, _mm512_madd_epi16(a, b));
  }

 private:
  static __m128i Load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static __m256i Load256(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_UNITS_AVX512_H_
