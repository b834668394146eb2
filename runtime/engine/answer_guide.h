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

// A guide that follows one answer and says how it may go on.
class AnswerGuide {
 public:
  // `masks` must outlive this object. at_start: the answer begins a text (StreamingDecoder).
  AnswerGuide(TokenMasks& masks, bool at_start)
      : masks_(masks), at_start_(at_start), none_(masks.vocab_size()) {
    ++masks_.num_users;
  }
  AnswerGuide(const AnswerGuide&) = delete;
  AnswerGuide& operator=(const AnswerGuide&) = delete;
  ~AnswerGuide() { --masks_.num_users; }

  // Returns the tokens that may follow the answer so far, except those that end it; none, if it has
  // ended. Each token of the answer must have been allowed. The result is valid until the next call
  // for an answer with the same constraint.
  const TokenSet& Allowed(std::span<const int32_t> answer, bool has_ended);

  // Returns whether the answer of the latest call may end there.
  bool may_end() const { return may_end_; }

 private:
  TokenMasks& masks_;
  bool at_start_;
  bool may_end_ = false;
  TokenMasks::Place place_;
  TokenSet none_;
};

// The masks of all constraints of a rank's sequences. Equal constraints share theirs.
class Constraints {
 public:
  // The constraints without a sequence that are kept.
  static constexpr size_t kMostKept = 16;

  // `tokenizer` must outlive this object. It may be null; then there are no constraints.
  Constraints(const Tokenizer* tokenizer, int64_t vocab_size)
      : tokenizer_(tokenizer), vocab_size_(vocab_size) {}

  // Returns the guide of an answer to the prompt. The parameters must have a constraint that
  // MakeGrammar accepts. This object must outlive the guide.
  std::unique_ptr<AnswerGuide> MakeGuide(const SamplingParams& params,
                                         std::span<const int32_t> prompt);

 private:
  TokenMasks& MasksOf(const AnswerConstraint& constraint);

  const Tokenizer* tokenizer_;
  int64_t vocab_size_;
  std::optional<TokenSpellings> texts_;                       // from the first constraint on
  std::map<std::string, std::unique_ptr<TokenMasks>> masks_;  // by the constraint's bytes
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_ANSWER_GUIDE_H_
