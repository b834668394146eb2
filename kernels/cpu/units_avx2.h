// 16 units of 32 bits in two AVX2 registers. Included only by the AVX2 path.

#ifndef OCTET_KERNELS_CPU_UNITS_AVX2_H_
#define OCTET_KERNELS_CPU_UNITS_AVX2_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace octet {

// Bits that are read as floats, as integers, or as 2 words or 4 bytes. Every path implements these
// operations with the same results.
struct Avx2Units {
  struct Units {
    __m256i lo, hi;
  };
  struct Floats {
    __m256 lo, hi;
  };

  // Rows of activations whose sums with two panels fit 16 registers.
  static constexpr int kBlockRows = 2;
  static constexpr int64_t kBytesAhead = 16384;  // as Avx512Units
  static constexpr int kEarlyPercent = 50;

  static Units ZeroUnits() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static Units Set1Units(int32_t unit) {
    return {_mm256_set1_epi32(unit), _mm256_set1_epi32(unit)};
  }
  static Units LoadUnits(const void* p) {
    const auto* halves = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
  }
  // Units from 2 or 4 places, `stride` bytes apart.
  static Units LoadHalves(const std::byte* p, size_t stride) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + stride))};
  }
  static Units LoadQuarters(const std::byte* p, size_t stride) {
    return {_mm256_set_m128i(Load128(p + stride), Load128(p)),
            _mm256_set_m128i(Load128(p + 3 * stride), Load128(p + 2 * stride))};
  }
  static void StoreUnits(void* p, Units u) {
    auto* halves = static_cast<__m256i*>(p);
    _mm256_storeu_si256(halves, u.lo);
    _mm256_storeu_si256(halves + 1, u.hi);
  }
  // Units from 16 bytes or words.
  static Units WidenBytes(const void* p) {
    const __m128i bytes = Load128(p);
    return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
  }
  static Units WidenSignedBytes(const void* p) {
    const __m128i bytes = Load128(p);
    return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))};
  }
  static Units WidenWords(const void* p) {
    const auto* halves = static_cast<const __m128i*>(p);
    return {_mm256_cvtepu16_epi32(_mm_loadu_si128(halves)),
            _mm256_cvtepu16_epi32(_mm_loadu_si128(halves + 1))};
  }
  // Stores 16 bytes. The units are numbers of 8 bits with their signs.
  static void StoreBytes(void* p, Units u) {
    const __m256i words = _mm256_packs_epi32(u.lo, u.hi);  // packs lanes of 128 bits by themselves
    const __m256i in_order = _mm256_permute4x64_epi64(words, 0xd8);
    _mm_storeu_si128(
        static_cast<__m128i*>(p),
        _mm_packs_epi16(_mm256_castsi256_si128(in_order), _mm256_extracti128_si256(in_order, 1)));
  }
  static Units Xor(Units a, Units b) {
    return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)};
  }
  static Units And(Units a, Units b) {
    return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
  }
  static Units Or(Units a, Units b) {
    return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
  }
  template <int kBits>
  static Units ShiftLeft(Units u) {
    return {_mm256_slli_epi32(u.lo, kBits), _mm256_slli_epi32(u.hi, kBits)};
  }
  template <int kBits>
  static Units ShiftRight(Units u) {
    return {_mm256_srli_epi32(u.lo, kBits), _mm256_srli_epi32(u.hi, kBits)};
  }
  static Units AddUnits(Units a, Units b) {
    return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
  }
  static Units SubUnits(Units a, Units b) {
    return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
  }
  static Units MulUnits(Units a, Units b) {
    return {_mm256_mullo_epi32(a.lo, b.lo), _mm256_mullo_epi32(a.hi, b.hi)};
  }
  // Words by words; the lower 16 bits of products.
  static Units SubWords(Units a, Units b) {
    return {_mm256_sub_epi16(a.lo, b.lo), _mm256_sub_epi16(a.hi, b.hi)};
  }
  static Units MulWords(Units a, Units b) {
    return {_mm256_mullo_epi16(a.lo, b.lo), _mm256_mullo_epi16(a.hi, b.hi)};
  }
  // The upper word of each unit, with its sign.
  static Units UpperWords(Units u) {
    return {_mm256_srai_epi32(u.lo, 16), _mm256_srai_epi32(u.hi, 16)};
  }
  // Between integers and floats; to the nearest integer, ties to even.
  static Floats ToFloats(Units u) { return {_mm256_cvtepi32_ps(u.lo), _mm256_cvtepi32_ps(u.hi)}; }
  static Units ToUnits(Floats v) { return {_mm256_cvtps_epi32(v.lo), _mm256_cvtps_epi32(v.hi)}; }
  static Floats AsFloats(Units u) { return {_mm256_castsi256_ps(u.lo), _mm256_castsi256_ps(u.hi)}; }
  static Units AsUnits(Floats v) { return {_mm256_castps_si256(v.lo), _mm256_castps_si256(v.hi)}; }

  // acc + the products of the 4 bytes of w, unsigned, and of x, signed. Not `kWide`: bytes of w are
  // less than 128.
  template <bool kWide>
  static Units DotBytes(Units acc, Units w, Units x) {
    if constexpr (!kWide) return AddProducts(acc, w, x);
    // The sum of two products with 8 bits may not fit a word.
    const Units low = Set1Units(0x7f7f7f7f);
    const Units top = Set1Units(static_cast<int32_t>(0x80808080U));
    return AddProducts(AddProducts(acc, And(w, low), x), And(w, top), x);
  }
  // As DotBytes, where bytes of w are less than 128, with each product multiplied by a count: both
  // words of `counts`. A path has this (kCountsWords) or is faster with MulUnits.
  static constexpr bool kCountsWords = true;
  static Units DotCounted(Units acc, Units w, Units x, Units counts) {
    return DotWords(acc, {_mm256_maddubs_epi16(w.lo, x.lo), _mm256_maddubs_epi16(w.hi, x.hi)},
                    counts);
  }
  // acc + the products of the 2 words of a and b, all signed.
  static Units DotWords(Units acc, Units a, Units b) {
    return {_mm256_add_epi32(acc.lo, _mm256_madd_epi16(a.lo, b.lo)),
            _mm256_add_epi32(acc.hi, _mm256_madd_epi16(a.hi, b.hi))};
  }

 private:
  static __m128i Load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static Units AddProducts(Units acc, Units w, Units x) {
    const __m256i ones = _mm256_set1_epi16(1);
    return DotCounted(acc, w, x, {ones, ones});
  }
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_UNITS_AVX2_H_
