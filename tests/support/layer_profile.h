// A layer's profile with times that can be computed by hand.

#ifndef OCTET_TESTS_SUPPORT_LAYER_PROFILE_H_
#define OCTET_TESTS_SUPPORT_LAYER_PROFILE_H_

#include <string>

#include "proto/machine_profile.pb.h"

namespace octet {

// Every part takes `seconds` for each token, head and sampling for each sampled one, and an expert
// for each of its tokens; attention takes a hundredth of it more for each position that is seen. As
// measured while `ranks` ranks of a host worked.
inline LayerProfile LinearProfile(double seconds, int ranks = 1, int num_experts = 4) {
  LayerProfile profile;
  ModelShape& shape = *profile.mutable_shape();
  shape.set_hidden_size(8);
  shape.set_experts(num_experts);
  shape.set_experts_per_token(2);
  profile.set_ranks(ranks);
  profile.set_threads(1);
  profile.set_expert_bytes(1000);
  profile.set_layer_bytes(100);
  profile.set_other_bytes(10);
  profile.set_position_bytes(1);
  const auto add = [&](const char* part, int64_t rows, double time) -> PartTime& {
    PartTime& t = *profile.add_parts();
    t.set_part(part);
    t.set_rows(rows);
    t.set_seconds(time);
    return t;
  };
  const auto add_attention = [&](const char* part, int64_t rows, int64_t sequences, int64_t seen) {
    PartTime& t = add(part, rows, seconds * (static_cast<double>(rows) + 0.01 * seen));
    t.set_sequences(sequences);
    t.set_positions_seen(seen);
  };
  for (const int64_t rows : {1, 2, 100}) {
    for (const char* part :
         {"norms", "router", "dispatch", "combine", "head", "sampling", "embedding"}) {
      add(part, rows, seconds * static_cast<double>(rows));
    }
    add("experts", 2 * rows, seconds * 2 * static_cast<double>(rows)).set_experts(2);
    for (const int64_t seen : {rows, 100 * rows}) {
      add_attention("attention", rows, rows, seen);
      if (rows > 1) add_attention("attention", rows, 1, seen + rows * rows);
    }
    if (rows > 1) add_attention("last attention", rows, 1, rows * rows);
  }
  return profile;
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_LAYER_PROFILE_H_
