// Guesses of a text's next tokens, from the text itself.

#ifndef OCTET_RUNTIME_ENGINE_PROMPT_LOOKUP_H_
#define OCTET_RUNTIME_ENGINE_PROMPT_LOOKUP_H_

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// A guesser for one sequence (prompt lookup, A. Saxena 2023): the text goes on as it did where its
// last tokens occurred before. Each guess is compared with the token that comes, also where it was
// not computed as a draft token. So it costs nothing to learn how often guesses are right.
class PromptLookup {
 public:
  // The last tokens that must have occurred before: the most, and the fewest with which a guess is
  // made.
  static constexpr int64_t kMostAlike = 4;
  static constexpr int64_t kLeastAlike = 2;

  // The latest guesses that `num_right` counts.
  static constexpr int kWindow = 8;

  // Says that the last of `tokens`, the whole text so far, has come. The work is proportional to
  // the text, and none if the latest guess was right.
  void Add(std::span<const int32_t> tokens);

  bool has_guess() const { return next_ != kNowhere; }

  // The latest guesses that were right, of kWindow. Those before the first one count as wrong.
  int num_right() const { return std::popcount(right_); }

  // Appends `count` draft tokens. There must be a guess.
  void AddDraft(int64_t count, std::vector<int32_t>& tokens) const;

 private:
  static constexpr int64_t kNowhere = -1;

  int64_t next_ = kNowhere;  // the position of the token that is expected to come again
  uint8_t right_ = 0;        // a bit for each guess, the latest is the lowest
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_PROMPT_LOOKUP_H_
