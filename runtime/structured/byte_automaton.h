// An automaton that reads a text byte by byte.

#ifndef OCTET_RUNTIME_STRUCTURED_BYTE_AUTOMATON_H_
#define OCTET_RUNTIME_STRUCTURED_BYTE_AUTOMATON_H_

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "runtime/structured/grammar.h"

namespace octet {

// A pushdown automaton of a grammar, made deterministic while it is used. A state is a set of
// stacks: each says what must follow in one reading of the text so far. Stacks share their lower
// parts, states and their steps are kept, so that most steps are one look into a table. From each
// state, some text leads to an accepting one.
class ByteAutomaton {
 public:
  static constexpr int32_t kDead = -1;

  // `grammar` must be finished, have texts, and outlive this object.
  explicit ByteAutomaton(const Grammar& grammar);

  int32_t start() const { return 0; }

  // Returns the state after one more byte, or kDead if no text of the grammar goes on like this.
  int32_t Step(int32_t state, uint8_t byte) {
    const int32_t next =
        steps_[static_cast<size_t>(state) * num_classes_ + grammar_.ByteClass(byte)];
    return next >= kDead ? next : FindStep(state, byte);
  }

  // Returns whether the text so far is one of the grammar.
  bool Accepts(int32_t state) const { return states_[state].accepts; }

  // Returns a state after which the same texts of up to `depth` bytes may follow: for many states
  // one, because counts of repetitions that are far from their bounds mean nothing for them.
  // `depth` must always be the same.
  int32_t LikeState(int32_t state, int32_t depth);

  // The states so far, and about the bytes of memory that they take.
  int32_t num_states() const { return static_cast<int32_t>(states_.size()); }
  size_t bytes() const;

  // Frees all states but start().
  void Reset();

  // Frees all states but start() and this one, whose new number it returns.
  int32_t KeepOnly(int32_t state);

 private:
  // The top of a stack, and the rest. position: the parts of a sequence that were read, or the
  // rounds of a repetition.
  struct Frame {
    Grammar::Node node;
    int32_t position;
    int32_t next;
  };
  struct State {
    int32_t first = 0;  // of stacks_
    int32_t size = 0;
    bool accepts = false;
  };
  static constexpr int32_t kBottom = 0;    // the empty stack
  static constexpr int32_t kUnknown = -2;  // a step that was not taken so far

  int32_t FindStep(int32_t state, uint8_t byte);
  int32_t Push(Grammar::Node node, int32_t position, int32_t next);
  void Open(int32_t frame);
  void OpenRepeat(const Frame& frame);
  int32_t CloseState();
  int32_t StateOf(std::vector<int32_t> tops, bool accepts);
  int32_t LikePosition(const Frame& frame, int32_t depth) const;
  int32_t LikeFrame(int32_t id, int32_t depth);

  const Grammar& grammar_;
  const size_t num_classes_;
  std::vector<Frame> frames_;
  absl::flat_hash_map<std::tuple<Grammar::Node, int32_t, int32_t>, int32_t> frame_ids_;
  std::vector<int32_t> stacks_;  // of states, each sorted; their tops are bytes
  std::vector<State> states_;
  std::vector<int32_t> steps_;                                    // [states, byte classes]
  absl::flat_hash_map<std::vector<int32_t>, int32_t> state_ids_;  // by stacks

  // About LikeState: stacks whose counts are those that matter.
  std::vector<int32_t> like_frames_;  // [frames] the number of the frame without the others
  absl::flat_hash_map<std::tuple<Grammar::Node, int32_t, int32_t>, int32_t> like_ids_;
  absl::flat_hash_map<std::vector<int32_t>, int32_t> like_states_;

  // About the state that is being made.
  std::vector<int32_t> open_;
  std::vector<int32_t> found_;
  std::vector<int32_t> seen_;  // [frames] the number of the state in which it was seen last
  int32_t number_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_BYTE_AUTOMATON_H_
