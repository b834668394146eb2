#include "runtime/structured/byte_automaton.h"

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"

namespace octet {

ByteAutomaton::ByteAutomaton(const Grammar& grammar)
    : grammar_(grammar), num_classes_(static_cast<size_t>(grammar.num_byte_classes())) {
  OCTET_CHECK(grammar.has_texts());
  Reset();
}

void ByteAutomaton::Reset() {
  frames_ = std::vector<Frame>(1);
  frame_ids_ = decltype(frame_ids_)();
  stacks_ = std::vector<int32_t>();
  states_ = std::vector<State>();
  steps_ = std::vector<int32_t>();
  state_ids_ = decltype(state_ids_)();
  like_frames_ = std::vector<int32_t>();
  like_ids_ = decltype(like_ids_)();
  like_states_ = decltype(like_states_)();
  seen_ = std::vector<int32_t>(1);
  number_ = 1;
  open_.push_back(Push(grammar_.root(), 0, kBottom));
  CloseState();
}

size_t ByteAutomaton::bytes() const {
  constexpr size_t kOfFrame = 2 * sizeof(Frame) + 4 * sizeof(int32_t);
  constexpr size_t kOfState = sizeof(State) + 2 * sizeof(std::vector<int32_t>);
  constexpr size_t kOfLike = sizeof(int32_t) + 2 * sizeof(Frame);
  return frames_.size() * (kOfFrame + kOfLike) + states_.size() * kOfState +
         (2 * stacks_.size() + steps_.capacity()) * sizeof(int32_t);
}

int32_t ByteAutomaton::Push(Grammar::Node node, int32_t position, int32_t next) {
  const auto id = static_cast<int32_t>(frames_.size());
  const auto [found, is_new] = frame_ids_.try_emplace({node, position, next}, id);
  if (is_new) {
    frames_.push_back({node, position, next});
    seen_.push_back(0);
  }
  return found->second;
}

// Returns a number for all positions that nothing of `depth` bytes tells apart: each round of a
// repetition takes a byte, or may be left out.
int32_t ByteAutomaton::LikePosition(const Frame& frame, int32_t depth) const {
  constexpr int32_t kFarBelow = -1;
  constexpr int32_t kFarWithin = -2;
  if (grammar_.kind(frame.node) != Grammar::Kind::kRepeat) return frame.position;
  const int32_t least = grammar_.least(frame.node);
  const int32_t most = grammar_.most(frame.node);
  if (frame.position < least) {
    return least - frame.position > depth ? kFarBelow : frame.position;
  }
  const bool is_far = most == Grammar::kNoLimit || most - frame.position > depth;
  return is_far ? kFarWithin : frame.position;
}

int32_t ByteAutomaton::LikeFrame(int32_t id, int32_t depth) {
  constexpr int32_t kNotFound = -1;
  like_frames_.resize(frames_.size(), kNotFound);
  like_frames_[kBottom] = kBottom;
  std::vector<int32_t> path;  // from the top to a frame that is known
  for (; like_frames_[id] == kNotFound; id = frames_[id].next) path.push_back(id);
  int32_t like = like_frames_[id];
  for (; !path.empty(); path.pop_back()) {
    const Frame& frame = frames_[path.back()];
    const auto number = static_cast<int32_t>(like_ids_.size()) + 1;
    const std::tuple key(frame.node, LikePosition(frame, depth), like);
    like = like_ids_.try_emplace(key, number).first->second;
    like_frames_[path.back()] = like;
  }
  return like;
}

int32_t ByteAutomaton::LikeState(int32_t state, int32_t depth) {
  const State& of_state = states_[state];
  std::vector<int32_t> stacks;
  stacks.reserve(of_state.size);
  for (int32_t i = 0; i < of_state.size; ++i) {
    stacks.push_back(LikeFrame(stacks_[of_state.first + i], depth));
  }
  std::sort(stacks.begin(), stacks.end());
  stacks.erase(std::unique(stacks.begin(), stacks.end()), stacks.end());
  return like_states_.try_emplace(std::move(stacks), state).first->second;
}

int32_t ByteAutomaton::FindStep(int32_t state, uint8_t byte) {
  ++number_;
  const State from = states_[state];
  for (int32_t i = 0; i < from.size; ++i) {
    const Frame& frame = frames_[stacks_[from.first + i]];
    if (grammar_.bytes(frame.node)[byte]) open_.push_back(frame.next);
  }
  const int32_t next = CloseState();
  steps_[static_cast<size_t>(state) * num_classes_ + grammar_.ByteClass(byte)] = next;
  return next;
}

// Replaces the top of a stack by what it may begin with.
void ByteAutomaton::Open(int32_t id) {
  const Frame frame = frames_[id];
  const std::span<const Grammar::Node> parts = grammar_.parts(frame.node);
  switch (grammar_.kind(frame.node)) {
    case Grammar::Kind::kEmpty:
      return open_.push_back(frame.next);
    case Grammar::Kind::kBytes:
      return found_.push_back(id);
    case Grammar::Kind::kSequence: {
      const int32_t after = frame.position + 1;
      const bool is_last = after == std::ssize(parts);
      const int32_t next = is_last ? frame.next : Push(frame.node, after, frame.next);
      return open_.push_back(Push(parts[frame.position], 0, next));
    }
    case Grammar::Kind::kRepeat:
      return OpenRepeat(frame);
    case Grammar::Kind::kChoice:
    case Grammar::Kind::kRule:
      for (const Grammar::Node part : parts) {
        if (grammar_.HasTexts(part)) open_.push_back(Push(part, 0, frame.next));
      }
  }
}

void ByteAutomaton::OpenRepeat(const Frame& frame) {
  const Grammar::Node node = frame.node;
  const Grammar::Node part = grammar_.parts(node)[0];
  const int32_t least = grammar_.least(node);
  const int32_t most = grammar_.most(node);
  if (frame.position >= least) open_.push_back(frame.next);
  if (frame.position == most || !grammar_.HasTexts(part)) return;
  int32_t rounds = frame.position + 1;
  if (most == Grammar::kNoLimit) rounds = std::min(rounds, least);
  const int32_t next = rounds == most ? frame.next : Push(node, rounds, frame.next);
  open_.push_back(Push(part, 0, next));
}

// Returns the state of the open stacks, or kDead if there is none.
int32_t ByteAutomaton::CloseState() {
  found_.clear();
  bool accepts = false;
  while (!open_.empty()) {
    const int32_t id = open_.back();
    open_.pop_back();
    accepts = accepts || id == kBottom;
    if (id == kBottom || seen_[id] == number_) continue;
    seen_[id] = number_;
    Open(id);
  }
  if (found_.empty() && !accepts) return kDead;
  return StateOf(found_, accepts);
}

int32_t ByteAutomaton::StateOf(std::vector<int32_t> tops, bool accepts) {
  std::sort(tops.begin(), tops.end());
  if (accepts) tops.push_back(kBottom);
  const auto [known, is_new] = state_ids_.try_emplace(tops, num_states());
  if (!is_new) return known->second;
  if (accepts) tops.pop_back();
  states_.push_back({.first = static_cast<int32_t>(stacks_.size()),
                     .size = static_cast<int32_t>(tops.size()),
                     .accepts = accepts});
  stacks_.insert(stacks_.end(), tops.begin(), tops.end());
  steps_.resize(steps_.size() + num_classes_, kUnknown);
  return num_states() - 1;
}

int32_t ByteAutomaton::KeepOnly(int32_t state) {
  const State kept = states_[state];
  std::vector<int32_t> tops(stacks_.begin() + kept.first, stacks_.begin() + kept.first + kept.size);
  const std::vector<Frame> frames = std::move(frames_);
  Reset();
  absl::flat_hash_map<int32_t, int32_t> ids = {{kBottom, kBottom}};  // new ones by old ones
  for (int32_t& top : tops) {
    std::vector<int32_t> path;
    for (int32_t id = top; !ids.contains(id); id = frames[id].next) path.push_back(id);
    for (; !path.empty(); path.pop_back()) {
      const Frame& frame = frames[path.back()];
      ids[path.back()] = Push(frame.node, frame.position, ids[frame.next]);
    }
    top = ids[top];
  }
  return StateOf(std::move(tops), kept.accepts);
}

}  // namespace octet
