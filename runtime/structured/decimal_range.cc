#include "runtime/structured/decimal_range.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

namespace octet {
namespace {

using Node = Grammar::Node;

// The bounds of numbers that are not negative.
struct MagnitudeLimits {
  Magnitude least;
  bool excludes_least = false;
  std::optional<Magnitude> most;
  bool excludes_most = false;
};

class MagnitudeWriter {
 public:
  MagnitudeWriter(const MagnitudeLimits& limits, const DecimalRange& range, Grammar& grammar)
      : limits_(limits),
        whole_digits_(range.whole_digits),
        fraction_digits_(range.fraction_digits),
        grammar_(grammar) {}

  Node Write() {
    const int64_t least = limits_.least.whole;
    const int64_t largest = PowerOfTen(whole_digits_) - 1;
    if (least > largest) return Grammar::kNone;
    const bool is_bounded = limits_.most && limits_.most->whole <= largest;
    const int64_t most = is_bounded ? limits_.most->whole : largest + 1;
    if (least > most) return Grammar::kNone;
    if (least == most) {
      return grammar_.Sequence({Whole(least), Fraction(0, true, true)});
    }
    std::vector<Node> alternatives = {grammar_.Sequence({Whole(least), Fraction(0, true, false)})};
    if (is_bounded) {
      alternatives.push_back(grammar_.Sequence({Whole(most), Fraction(0, false, true)}));
    }
    if (least + 1 < most) {
      const Node between = Between(least + 1, most - 1);
      alternatives.push_back(grammar_.Sequence({between, Fraction(0, false, false)}));
    }
    return grammar_.Choice(alternatives);
  }

 private:
  static int64_t PowerOfTen(int exponent) {
    int64_t power = 1;
    for (; exponent > 0; --exponent) power *= 10;
    return power;
  }

  Node Digits(int first, int last) {
    if (first > last) return Grammar::kNone;
    return grammar_.Bytes(
        BytesBetween(static_cast<uint8_t>('0' + first), static_cast<uint8_t>('0' + last)));
  }

  Node AnyDigits(int32_t least, int32_t most) { return grammar_.Repeat(Digits(0, 9), least, most); }

  Node Whole(int64_t value) { return grammar_.Text(std::to_string(value)); }

  // Whole numbers from first to last, both at least 0.
  Node Between(int64_t first, int64_t last) {
    std::vector<Node> alternatives;
    while (first <= last) {
      const std::string low = std::to_string(first);
      const auto size = static_cast<int>(low.size());
      const int64_t largest = PowerOfTen(size) - 1;
      const std::string high = std::to_string(std::min(last, largest));
      alternatives.push_back(SameLength(low, high, 0, true, true));
      first = largest + 1;
    }
    return grammar_.Choice(alternatives);
  }

  // Digit strings from place `i` on. A side that is tight was equal to its bound so far.
  Node SameLength(const std::string& low, const std::string& high, size_t i, bool tight_low,
                  bool tight_high) {
    const auto left = static_cast<int32_t>(low.size() - i);
    if (!tight_low && !tight_high) return AnyDigits(left, left);
    if (left == 0) return Grammar::kEmpty;
    const int first = tight_low ? low[i] - '0' : 0;
    const int last = tight_high ? high[i] - '0' : 9;
    std::vector<Node> alternatives;
    const auto add = [&](int from, int to, bool is_low, bool is_high) {
      if (from > to) return;
      alternatives.push_back(
          grammar_.Sequence({Digits(from, to), SameLength(low, high, i + 1, is_low, is_high)}));
    };
    if (tight_low && tight_high && first == last) {
      add(first, first, true, true);
    } else {
      if (tight_low) add(first, first, true, false);
      add(first + (tight_low ? 1 : 0), last - (tight_high ? 1 : 0), false, false);
      if (tight_high) add(last, last, false, true);
    }
    return grammar_.Choice(alternatives);
  }

  // What may follow the whole part and `i` digits after the point.
  Node Fraction(int i, bool tight_low, bool tight_high) {
    const auto dot = [&](Node digits) {
      return i > 0 ? digits : grammar_.Sequence({grammar_.Text("."), digits});
    };
    if (!tight_low && !tight_high) {
      const int left = fraction_digits_ - i;
      if (i > 0) return AnyDigits(0, left);
      return left == 0 ? Grammar::kEmpty : grammar_.Optional(dot(AnyDigits(1, left)));
    }
    const std::string_view low = tight_low ? limits_.least.fraction : std::string_view();
    const std::string_view high =
        tight_high && limits_.most ? limits_.most->fraction : std::string_view();
    std::vector<Node> alternatives;
    const auto place = static_cast<size_t>(i);
    const bool may_end_low = !tight_low || (place >= low.size() && !limits_.excludes_least);
    const bool may_end_high = !tight_high || place < high.size() || !limits_.excludes_most;
    if (may_end_low && may_end_high) alternatives.push_back(Grammar::kEmpty);
    if (i == fraction_digits_) return grammar_.Choice(alternatives);
    const int first = tight_low && place < low.size() ? low[place] - '0' : 0;
    const int last = !tight_high ? 9 : place < high.size() ? high[place] - '0' : 0;
    const auto add = [&](int from, int to, bool is_low, bool is_high) {
      if (from > to) return;
      alternatives.push_back(
          dot(grammar_.Sequence({Digits(from, to), Fraction(i + 1, is_low, is_high)})));
    };
    if (tight_low && tight_high && first == last) {
      add(first, first, true, true);
    } else if (first <= last) {
      if (tight_low) add(first, first, true, false);
      add(first + (tight_low ? 1 : 0), last - (tight_high ? 1 : 0), false, false);
      if (tight_high) add(last, last, false, true);
    }
    return grammar_.Choice(alternatives);
  }

  const MagnitudeLimits& limits_;
  const int whole_digits_;
  const int fraction_digits_;
  Grammar& grammar_;
};

}  // namespace

DecimalBound DecimalBound::Of(double value, bool is_exclusive) {
  DecimalBound bound = {.is_negative = std::signbit(value) && value != 0,
                        .is_exclusive = is_exclusive};
  std::array<char, 400> text = {};
  const double magnitude = std::abs(value);
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), magnitude, std::chars_format::fixed);
  const std::string_view digits(text.data(), end.ptr - text.data());
  const size_t dot = std::min(digits.find('.'), digits.size());
  if (magnitude >= static_cast<double>(kLargestWhole)) {
    bound.magnitude.whole = kLargestWhole;
    return bound;
  }
  std::from_chars(digits.data(), digits.data() + dot, bound.magnitude.whole);
  if (dot < digits.size()) bound.magnitude.fraction = digits.substr(dot + 1);
  return bound;
}

Node AddDecimalRange(const DecimalRange& range, Grammar& grammar) {
  const auto& [least, most, whole_digits, fraction_digits] = range;
  std::vector<Node> alternatives;
  if (!most || !most->is_negative) {
    MagnitudeLimits limits;
    if (least && !least->is_negative) {
      limits.least = least->magnitude;
      limits.excludes_least = least->is_exclusive;
    }
    if (most) limits.most = most->magnitude;
    limits.excludes_most = most && most->is_exclusive;
    alternatives.push_back(MagnitudeWriter(limits, range, grammar).Write());
  }
  if (!least || least->is_negative) {
    MagnitudeLimits limits = {.excludes_least = true};
    if (most && most->is_negative) {
      limits.least = most->magnitude;
      limits.excludes_least = most->is_exclusive;
    }
    if (least) limits.most = least->magnitude;
    limits.excludes_most = least && least->is_exclusive;
    const Node magnitude = MagnitudeWriter(limits, range, grammar).Write();
    alternatives.push_back(grammar.Sequence({grammar.Text("-"), magnitude}));
  }
  return grammar.Choice(alternatives);
}

}  // namespace octet
