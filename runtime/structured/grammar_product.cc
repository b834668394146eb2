#include "runtime/structured/grammar_product.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "runtime/structured/byte_automaton.h"

namespace octet {
namespace {

// A deterministic automaton whose states are one state of each factor's.
class ProductAutomaton {
 public:
  explicit ProductAutomaton(std::span<const GrammarFactor> factors) : factors_(factors) {
    Tuple start;
    for (const GrammarFactor& factor : factors) {
      if (factor.grammar->has_texts()) automata_.emplace_back(*factor.grammar);
      start.push_back(factor.grammar->has_texts() ? automata_.back().start()
                                                  : ByteAutomaton::kDead);
      places_.push_back(automata_.size() - 1);
    }
    FindRepresentatives();
    IdOf(start);
  }

  absl::Status Explore(int32_t& num_states_left) {
    for (size_t state = 0; state < tuples_.size(); ++state) {
      if (--num_states_left < 0) return absl::InvalidArgumentError("is too large");
      for (const auto& [byte, bytes] : representatives_) {
        const int32_t next = IdOf(StepOf(tuples_[state], byte));
        if (next >= 0) steps_[state][next] |= bytes;
      }
    }
    return absl::OkStatus();
  }

  Grammar::Node Write(Grammar& grammar) const {
    const std::vector<bool> is_live = FindLive();
    std::vector<Grammar::Node> rules(tuples_.size(), Grammar::kNone);
    for (size_t state = 0; state < rules.size(); ++state) {
      if (is_live[state]) rules[state] = grammar.Declare();
    }
    for (size_t state = 0; state < rules.size(); ++state) {
      if (!is_live[state]) continue;
      std::vector<Grammar::Node> alternatives;
      if (Accepts(tuples_[state])) alternatives.push_back(Grammar::kEmpty);
      for (const auto& [next, bytes] : steps_[state]) {
        alternatives.push_back(grammar.Sequence({grammar.Bytes(bytes), rules[next]}));
      }
      grammar.Define(rules[state], grammar.Choice(alternatives));
    }
    return rules[0];
  }

 private:
  using Tuple = std::vector<int32_t>;  // [factors] states, or kDead

  // Finds sets of bytes that no factor tells apart, and one byte of each.
  void FindRepresentatives() {
    std::map<std::vector<int>, int> known;
    for (int byte = 0; byte < 256; ++byte) {
      std::vector<int> classes;
      for (const GrammarFactor& factor : factors_) {
        classes.push_back(factor.grammar->ByteClass(static_cast<uint8_t>(byte)));
      }
      const auto [found, is_new] = known.try_emplace(std::move(classes), byte);
      representatives_[static_cast<uint8_t>(found->second)].set(byte);
    }
  }

  Tuple StepOf(const Tuple& tuple, uint8_t byte) {
    Tuple next = tuple;
    for (size_t i = 0; i < next.size(); ++i) {
      if (next[i] != ByteAutomaton::kDead) next[i] = automata_[places_[i]].Step(next[i], byte);
    }
    return next;
  }

  // Returns the state, which may be new; -1 if nothing can follow.
  int32_t IdOf(const Tuple& tuple) {
    for (size_t i = 0; i < tuple.size(); ++i) {
      if (tuple[i] == ByteAutomaton::kDead && !factors_[i].is_excluded) return -1;
    }
    const auto [found, is_new] = ids_.try_emplace(tuple, static_cast<int32_t>(tuples_.size()));
    if (is_new) {
      tuples_.push_back(tuple);
      steps_.emplace_back();
    }
    return found->second;
  }

  bool Accepts(const Tuple& tuple) const {
    for (size_t i = 0; i < tuple.size(); ++i) {
      const bool accepts =
          tuple[i] != ByteAutomaton::kDead && automata_[places_[i]].Accepts(tuple[i]);
      if (accepts == factors_[i].is_excluded) return false;
    }
    return true;
  }

  // Returns the states from which some text ends.
  std::vector<bool> FindLive() const {
    std::vector<std::vector<int32_t>> before(tuples_.size());
    std::vector<bool> is_live(tuples_.size());
    std::vector<int32_t> found;
    for (size_t state = 0; state < tuples_.size(); ++state) {
      for (const auto& [next, bytes] : steps_[state]) {
        before[next].push_back(static_cast<int32_t>(state));
      }
      if (Accepts(tuples_[state])) found.push_back(static_cast<int32_t>(state));
    }
    while (!found.empty()) {
      const int32_t state = found.back();
      found.pop_back();
      if (is_live[state]) continue;
      is_live[state] = true;
      found.insert(found.end(), before[state].begin(), before[state].end());
    }
    return is_live;
  }

  const std::span<const GrammarFactor> factors_;
  std::deque<ByteAutomaton> automata_;  // of the factors that have texts
  std::vector<size_t> places_;          // [factors] of automata_
  std::map<uint8_t, ByteSet> representatives_;
  std::vector<Tuple> tuples_;                      // [states]
  std::vector<std::map<int32_t, ByteSet>> steps_;  // [states]
  absl::flat_hash_map<Tuple, int32_t> ids_;
};

}  // namespace

absl::StatusOr<Grammar::Node> AddProduct(std::span<const GrammarFactor> factors,
                                         int32_t& num_states_left, Grammar& grammar) {
  for (const GrammarFactor& factor : factors) {
    if (!factor.is_excluded && !factor.grammar->has_texts()) return Grammar::kNone;
  }
  ProductAutomaton automaton(factors);
  const absl::Status status = automaton.Explore(num_states_left);
  if (!status.ok()) return status;
  return automaton.Write(grammar);
}

}  // namespace octet
