// Numbers within bounds, digit by digit.

#ifndef OCTET_RUNTIME_STRUCTURED_DECIMAL_RANGE_H_
#define OCTET_RUNTIME_STRUCTURED_DECIMAL_RANGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/structured/grammar.h"

namespace octet {

// The size of a decimal number, without its sign.
struct Magnitude {
  int64_t whole = 0;     // at most kLargestWhole; what is greater counts as that
  std::string fraction;  // digits, without zeros at the end

  bool is_zero() const { return whole == 0 && fraction.empty(); }
};

inline constexpr int64_t kLargestWhole = 1'000'000'000'000'000'000;  // 10^18

struct DecimalBound {
  bool is_negative = false;
  Magnitude magnitude;
  bool is_exclusive = false;

  // Returns the bound with the shortest decimal that reads as `value`.
  static DecimalBound Of(double value, bool is_exclusive);
};

struct DecimalRange {
  std::optional<DecimalBound> least;
  std::optional<DecimalBound> most;
  int whole_digits = 18;    // at most, 1 to 18
  int fraction_digits = 0;  // at most
};

// Adds the decimal numbers in the range, without exponents, leading zeros, or a sign of zero.
Grammar::Node AddDecimalRange(const DecimalRange& range, Grammar& grammar);

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_DECIMAL_RANGE_H_
