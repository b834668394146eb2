#include "runtime/structured/token_masks.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"

namespace octet {

bool TokenSet::empty() const {
  return std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; });
}

TokenSpellings::TokenSpellings(const Tokenizer& tokenizer, int64_t vocab_size)
    : bytes(TokenBytes(tokenizer, vocab_size, /*at_start=*/false)),
      bytes_at_start(TokenBytes(tokenizer, vocab_size, /*at_start=*/true)),
      trie(bytes),
      trie_at_start(bytes_at_start) {}

TokenMasks::TokenMasks(Grammar grammar, const TokenSpellings& texts, size_t most_state_bytes)
    : grammar_(std::move(grammar)),
      texts_(texts),
      most_state_bytes_(most_state_bytes),
      automaton_(grammar_) {
  path_.resize(std::max(texts.trie.max_depth(), texts.trie_at_start.max_depth()) + 1);
}

void TokenMasks::Forget() {
  automaton_.Reset();
  ForgetMasks();
}

void TokenMasks::ForgetMasks() {
  mask_ids_ = std::vector<int32_t>();
  masks_ = std::vector<TokenSet>();
  ++era_;
}

size_t TokenMasks::bytes() const {
  const size_t of_mask = texts_.bytes.size() / 8 + 2 * sizeof(TokenSet);
  return grammar_.bytes() + automaton_.bytes() + masks_.size() * of_mask;
}

void TokenMasks::Read(std::span<const int32_t> answer, bool at_start, Place& place) {
  if (place.era != era_) place = {.era = era_, .state = automaton_.start()};
  for (; place.num_tokens < std::ssize(answer); ++place.num_tokens) {
    const int32_t token = answer[place.num_tokens];
    const bool is_first = at_start && place.num_tokens == 0;
    for (const char c : (is_first ? texts_.bytes_at_start : texts_.bytes)[token]) {
      place.state = automaton_.Step(place.state, static_cast<uint8_t>(c));
      OCTET_CHECK(place.state != ByteAutomaton::kDead) << "token " << token << " is not allowed";
    }
    if (automaton_.bytes() <= most_state_bytes_) continue;
    place.state = automaton_.KeepOnly(place.state);
    ForgetMasks();
    place.era = era_;
  }
}

const TokenSet& TokenMasks::Allowed(const Place& place, bool at_start) {
  if (at_start && place.num_tokens == 0) {
    if (!has_at_start_) at_start_ = FindAllowed(place.state, texts_.trie_at_start);
    has_at_start_ = true;
    return at_start_;
  }
  if (place.state >= std::ssize(mask_ids_)) mask_ids_.resize(automaton_.num_states(), -1);
  int32_t& id = mask_ids_[place.state];
  if (id >= 0) return masks_[id];
  int32_t& id_of_like = mask_ids_[automaton_.LikeState(place.state, texts_.trie.max_depth())];
  if (id_of_like < 0) {
    id_of_like = static_cast<int32_t>(masks_.size());
    masks_.push_back(FindAllowed(place.state, texts_.trie));
  }
  id = id_of_like;
  return masks_[id];
}

TokenSet TokenMasks::FindAllowed(int32_t state, const TokenTrie& trie) {
  TokenSet allowed(trie.vocab_size());
  path_[0] = state;
  const std::span<const TokenTrie::Node> nodes = trie.nodes();
  for (size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const int32_t next = automaton_.Step(path_[node.depth - 1], node.byte);
    if (next == ByteAutomaton::kDead) {
      i = node.skip;
      continue;
    }
    path_[node.depth] = next;
    for (const int32_t token : trie.tokens(node)) allowed.Insert(token);
    ++i;
  }
  return allowed;
}

}  // namespace octet
