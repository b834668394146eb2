#include "runtime/structured/decimal_range.h"

#include <absl/strings/str_format.h>
#include <gtest/gtest.h>

#include <random>

#include "runtime/structured/byte_automaton.h"

namespace octet {
namespace {

bool Reads(ByteAutomaton& automaton, const std::string& text) {
  int32_t state = automaton.start();
  for (const char c : text) {
    state = automaton.Step(state, static_cast<uint8_t>(c));
    if (state == ByteAutomaton::kDead) return false;
  }
  return automaton.Accepts(state);
}

struct Bounds {
  double least;
  bool excludes_least;
  double most;
  bool excludes_most;

  bool Contain(double value) const {
    return (excludes_least ? value > least : value >= least) &&
           (excludes_most ? value < most : value <= most);
  }
};

// Tries all numbers from -130 to 130 with up to two digits after the point.
void ExpectAllRead(const Bounds& bounds, int fraction_digits) {
  Grammar grammar;
  const DecimalRange range = {.least = DecimalBound::Of(bounds.least, bounds.excludes_least),
                              .most = DecimalBound::Of(bounds.most, bounds.excludes_most),
                              .fraction_digits = fraction_digits};
  grammar.Finish(AddDecimalRange(range, grammar));
  std::optional<ByteAutomaton> automaton;
  if (grammar.has_texts()) automaton.emplace(grammar);
  for (int hundredths = -13000; hundredths <= 13000; ++hundredths) {
    const double value = hundredths / 100.0;
    std::vector<std::string> texts = {absl::StrFormat("%.2f", value)};
    if (hundredths % 10 == 0) texts.push_back(absl::StrFormat("%.1f", value));
    if (hundredths % 100 == 0) texts.push_back(absl::StrFormat("%.0f", value));
    for (const std::string& text : texts) {
      const size_t dot = text.find('.');
      const size_t digits = dot == std::string::npos ? 0 : text.size() - dot - 1;
      const bool has_room = static_cast<int>(digits) <= fraction_digits;
      const bool expected = has_room && bounds.Contain(value);
      ASSERT_EQ(automaton && Reads(*automaton, text), expected)
          << text << " in " << bounds.least << " " << bounds.most << " excluded "
          << bounds.excludes_least << bounds.excludes_most;
    }
  }
}

TEST(DecimalRange, HasTheNumbersInTheBounds) {
  const double bounds[] = {-120, -101, -100, -99.5, -10, -9, -1, -0.25, 0,  0.01,
                           0.1,  1,    7.75, 9,     10,  11, 99, 100,   112};
  std::mt19937 random(1);
  for (int round = 0; round < 120; ++round) {
    const double a = bounds[random() % std::size(bounds)];
    const double b = bounds[random() % std::size(bounds)];
    const Bounds tried = {std::min(a, b), random() % 2 == 0, std::max(a, b), random() % 2 == 0};
    ExpectAllRead(tried, static_cast<int>(random() % 3));
  }
}

TEST(DecimalRange, HasOneSide) {
  Grammar grammar;
  grammar.Finish(AddDecimalRange({.least = DecimalBound::Of(95, false)}, grammar));
  ByteAutomaton automaton(grammar);
  for (const char* text : {"95", "99", "100", "999999999999999999"}) {
    EXPECT_TRUE(Reads(automaton, text)) << text;
  }
  for (const char* text : {"94", "9", "-95", "0100", "1000000000000000000", "95.0", "1e3"}) {
    EXPECT_FALSE(Reads(automaton, text)) << text;
  }
}

TEST(DecimalRange, HasNoSignOfZero) {
  Grammar grammar;
  grammar.Finish(
      AddDecimalRange({.most = DecimalBound::Of(0, false), .fraction_digits = 2}, grammar));
  ByteAutomaton automaton(grammar);
  EXPECT_TRUE(Reads(automaton, "0"));
  EXPECT_TRUE(Reads(automaton, "0.0"));
  EXPECT_TRUE(Reads(automaton, "-0.01"));
  EXPECT_FALSE(Reads(automaton, "-0"));
  EXPECT_FALSE(Reads(automaton, "-0.00"));
  EXPECT_FALSE(Reads(automaton, "0.01"));
}

}  // namespace
}  // namespace octet
