// What the parts of a step cost a rank, by a layer's profile.

#ifndef OCTET_RUNTIME_REPLAY_PART_COSTS_H_
#define OCTET_RUNTIME_REPLAY_PART_COSTS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>

#include "proto/machine_profile.pb.h"
#include "runtime/replay/piecewise.h"

namespace octet {

// The tokens of one rank in a part of a step.
struct TokenLoad {
  int64_t tokens = 0;
  int64_t last_tokens = 0;         // of them, those whose logits are wanted
  int64_t decoding = 0;            // of them, those alone in their sequence's chunk
  int64_t decoding_positions = 0;  // that these see
  int64_t prompt_positions = 0;    // that the others see
};

// The seconds of a rank while as many ranks of its host work as when the profile was measured.
// Between and beyond the measured numbers of rows, times go in straight lines; an expert's time
// depends on its rows alone.
class PartCosts {
 public:
  // An error names the part that the profile lacks.
  static absl::StatusOr<PartCosts> FromProfile(const LayerProfile& profile);

  // The most tokens of a step that were measured.
  int64_t most_tokens() const { return static_cast<int64_t>(norms_.last_x()); }

  // How many times as long work takes as its parts, because it is interrupted; and the seconds
  // squared by which each second of it makes a rank's time vary.
  double slowdown() const { return slowdown_; }
  double jitter() const { return jitter_; }

  double Attention(const TokenLoad& load) const;
  // The last layer, where only some tokens go on.
  double LastAttention(const TokenLoad& load) const;
  double Norms(int64_t tokens) const { return tokens > 0 ? norms_(Rows(tokens)) : 0; }
  double Router(int64_t tokens) const { return tokens > 0 ? router_(Rows(tokens)) : 0; }
  double Dispatch(int64_t tokens) const { return tokens > 0 ? dispatch_(Rows(tokens)) : 0; }
  double Combine(int64_t tokens) const { return tokens > 0 ? combine_(Rows(tokens)) : 0; }
  double Embedding(int64_t tokens) const { return tokens > 0 ? embedding_(Rows(tokens)) : 0; }
  double Head(int64_t rows) const { return rows > 0 ? head_(Rows(rows)) : 0; }
  double Sampling(int64_t rows) const { return rows > 0 ? sampling_(Rows(rows)) : 0; }
  // rows: of each of the rank's experts. They come in so many rounds, evenly; an expert's weights
  // are read in each.
  double Experts(std::span<const int64_t> rows, int rounds = 1) const;

 private:
  static double Rows(int64_t rows) { return static_cast<double>(rows); }
  void AddAttention(const LayerProfile& profile);

  Piecewise norms_, router_, dispatch_, combine_, embedding_, head_, sampling_;
  Piecewise expert_;             // by rows
  Piecewise attention_;          // by tokens, without what they see
  Piecewise last_attention_;     // the same of the last layer
  Piecewise decoding_position_;  // by decoding tokens, for each position
  Piecewise prompt_position_;    // by the prompts' tokens, for each position
  double slowdown_ = 1;
  double jitter_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_PART_COSTS_H_
