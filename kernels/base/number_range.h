// The numbers that users give in flags, settings and environment variables.

#ifndef OCTET_KERNELS_BASE_NUMBER_RANGE_H_
#define OCTET_KERNELS_BASE_NUMBER_RANGE_H_

#include <optional>
#include <string>
#include <string_view>

namespace octet {

// The numbers that a setting may have. T: int32_t, int64_t, uint64_t or double.
template <class T>
struct NumberRange {
  T least;
  T most;

  // Returns false for NaN.
  bool Contains(T value) const { return value >= least && value <= most; }

  // Returns the number, if all of `text` is one and it lies in the range. It is decimal, with a
  // minus if it is negative, and with nothing around it. A double may have a fraction and an
  // exponent.
  std::optional<T> Parse(std::string_view text) const;

  // "1 to 64"
  std::string Limits() const;

  // "must be a whole number from 1 to 64"
  std::string Rule() const;
};

extern template struct NumberRange<int>;
extern template struct NumberRange<long>;
extern template struct NumberRange<unsigned long>;
extern template struct NumberRange<double>;

// The ranges that several settings have in common.
inline constexpr NumberRange<int> kRankCounts = {1, 1 << 16};
inline constexpr NumberRange<int> kReplicaCounts = {0, 1 << 16};
inline constexpr NumberRange<int> kThreadCounts = {1, 1024};
inline constexpr NumberRange<int> kTokenCounts = {1, 10'000'000};  // of a sequence
inline constexpr NumberRange<int> kStepTokenCounts = {1, 1 << 20};
inline constexpr NumberRange<double> kTimeouts = {1, 1e6};  // seconds

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_NUMBER_RANGE_H_
