// The constraints of answers.

#ifndef OCTET_RUNTIME_ENGINE_ANSWER_GUIDE_H_
#define OCTET_RUNTIME_ENGINE_ANSWER_GUIDE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proto/engine.pb.h"
#include "runtime/structured/token_masks.h"
#include "runtime/text/tokenizer.h"

namespace octet {

class Constraints;

// A guide that follows one answer and says how it may go on.
class AnswerGuide {
 public:
  // `constraints`, whose `masks` are, must outlive this object. at_start: the answer begins a text
  // (StreamingDecoder).
  AnswerGuide(Constraints& constraints, TokenMasks& masks, bool at_start)
      : constraints_(constraints), masks_(masks), at_start_(at_start), none_(masks.vocab_size()) {
    ++masks_.num_users;
  }
  AnswerGuide(const AnswerGuide&) = delete;
  AnswerGuide& operator=(const AnswerGuide&) = delete;
  ~AnswerGuide() { --masks_.num_users; }

  // Returns the tokens that may follow the answer so far, except those that end it; none, if it has
  // ended. Each token of the answer must have been allowed. The result is valid until the next call
  // for any answer.
  const TokenSet& Allowed(std::span<const int32_t> answer, bool has_ended);

  // Returns whether the answer of the latest call may end there.
  bool may_end() const { return may_end_; }

 private:
  Constraints& constraints_;
  TokenMasks& masks_;
  bool at_start_;
  bool may_end_ = false;
  TokenMasks::Place place_;
  TokenSet none_;
};

// The masks of all constraints of a rank's sequences. Equal constraints share theirs. They stay
// within some memory, but for grammars in use and what one answer adds at a time: masks that
// were not used for the longest time are forgotten first.
class Constraints {
 public:
  static constexpr size_t kMostBytes = size_t{32} << 20;

  // `tokenizer` must outlive this object. It may be null; then there are no constraints.
  Constraints(const Tokenizer* tokenizer, int64_t vocab_size, size_t most_bytes = kMostBytes)
      : tokenizer_(tokenizer), vocab_size_(vocab_size), most_bytes_(most_bytes) {}

  // Returns the memory for which a rank must have room, the texts of all tokens included.
  static int64_t PlannedBytes(int64_t vocab_size) {
    constexpr int64_t kOfToken = 256;
    return static_cast<int64_t>(kMostBytes) + kOfToken * vocab_size;
  }

  // Returns the guide of an answer to the prompt. The parameters must have a constraint that
  // MakeGrammar accepts. This object must outlive the guide.
  std::unique_ptr<AnswerGuide> MakeGuide(const SamplingParams& params,
                                         std::span<const int32_t> prompt);

  // Before masks are used: forgets others, or these, until there is room.
  void MakeRoomFor(TokenMasks& masks);

  // After masks were used.
  void CountBytesOf(TokenMasks& masks);

  size_t bytes() const { return bytes_; }

 private:
  TokenMasks& MasksOf(const AnswerConstraint& constraint);

  const Tokenizer* tokenizer_;
  int64_t vocab_size_;
  size_t most_bytes_;
  size_t bytes_ = 0;  // of all masks, as counted
  int64_t num_uses_ = 0;
  std::optional<TokenSpellings> texts_;                       // from the first constraint on
  std::map<std::string, std::unique_ptr<TokenMasks>> masks_;  // by the constraint's bytes
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_ANSWER_GUIDE_H_
