// The tokens that a constraint allows.

#ifndef OCTET_RUNTIME_STRUCTURED_TOKEN_MASKS_H_
#define OCTET_RUNTIME_STRUCTURED_TOKEN_MASKS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/structured/byte_automaton.h"
#include "runtime/structured/grammar.h"
#include "runtime/structured/token_trie.h"

namespace octet {

// A set of tokens.
class TokenSet {
 public:
  explicit TokenSet(int64_t vocab_size = 0) : words_((vocab_size + 63) / 64) {}

  bool Contains(int32_t token) const {
    const auto word = static_cast<size_t>(token) / 64;
    return word < words_.size() && (words_[word] >> (token % 64) & 1) != 0;
  }
  void Insert(int32_t token) { words_[token / 64] |= uint64_t{1} << (token % 64); }
  void Remove(int32_t token) {
    if (Contains(token)) words_[token / 64] &= ~(uint64_t{1} << (token % 64));
  }
  bool empty() const;
  size_t bytes() const { return words_.size() * sizeof(uint64_t); }

 private:
  std::vector<uint64_t> words_;
};

// The tokens of a vocabulary as texts: in the middle of a text, and at its start.
struct TokenSpellings {
  // Leaves out tokens from vocab_size on, which the model does not know.
  TokenSpellings(const Tokenizer& tokenizer, int64_t vocab_size);

  std::vector<std::string> bytes;  // [vocab_size]
  std::vector<std::string> bytes_at_start;
  TokenTrie trie;
  TokenTrie trie_at_start;
};

// The masks of one constraint: for each state of its automaton, the tokens with which some allowed
// text goes on. Each is found by one walk over all tokens, and kept until Forget; states that no
// token tells apart (ByteAutomaton::LikeState) share theirs.
class TokenMasks {
 public:
  // The most memory of states. When it is used up, all but the latest are forgotten.
  static constexpr size_t kMostStateBytes = size_t{24} << 20;

  // `texts` must outlive this object.
  TokenMasks(Grammar grammar, const TokenSpellings& texts,
             size_t most_state_bytes = kMostStateBytes);
  TokenMasks(const TokenMasks&) = delete;
  TokenMasks& operator=(const TokenMasks&) = delete;

  // A place in a text, which Read moves.
  struct Place {
    int64_t era = -1;  // in which the state is valid
    int32_t state = 0;
    int64_t num_tokens = 0;  // that were read
  };

  // Reads what is new of an answer's tokens. Each must be one that Allowed gave. at_start: the
  // answer begins a text.
  void Read(std::span<const int32_t> answer, bool at_start, Place& place);

  // Returns the tokens that may follow, except those that end the answer. It is valid until the
  // next call of a function of this object.
  const TokenSet& Allowed(const Place& place, bool at_start);

  // Returns whether the answer may end.
  bool MayEnd(const Place& place) const { return automaton_.Accepts(place.state); }

  // Frees all states and masks. Answers are then read again from their first token.
  void Forget();

  // The masks that were found and not forgotten.
  int64_t num_masks() const { return std::ssize(masks_); }

  // About the bytes of memory that the grammar, the states and the masks take.
  size_t bytes() const;

  int64_t vocab_size() const { return std::ssize(texts_.bytes); }

  // About their use, which their owner counts.
  int num_users = 0;         // answers
  int64_t latest_use = 0;    // the number of the use
  size_t counted_bytes = 0;  // bytes() after it

 private:
  void ForgetMasks();
  TokenSet FindAllowed(int32_t state, const TokenTrie& trie);

  const Grammar grammar_;
  const TokenSpellings& texts_;
  const size_t most_state_bytes_;
  ByteAutomaton automaton_;
  int64_t era_ = 0;
  std::vector<int32_t> mask_ids_;  // [states] of masks_; -1 if not known yet
  std::vector<TokenSet> masks_;
  TokenSet at_start_;  // of the automaton's start, at the start of a text
  bool has_at_start_ = false;
  std::vector<int32_t> path_;  // [depth] states of a walk
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_TOKEN_MASKS_H_
