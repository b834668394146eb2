// The weights of one expert, as the kernels read them.

#ifndef OCTET_KERNELS_BASE_EXPERT_WEIGHTS_H_
#define OCTET_KERNELS_BASE_EXPERT_WEIGHTS_H_

#include "kernels/base/packed_matrix.h"

namespace octet {

// The weights of y = w2 (silu(w1 x) * (w3 x)). The panels of w1 and w3 alternate, so that both are
// read together.
struct ExpertWeights {
  PackedMatrix gate_up;  // panel 2i is panel i of w1, panel 2i + 1 that of w3; hidden_size inputs
  PackedMatrix down;     // w2 [hidden_size, intermediate_size]

  size_t bytes() const { return gate_up.buffer.bytes() + down.buffer.bytes(); }
};

// The experts of a rank in one layer, by their index among those, for plans that are made on a
// device. It stays in its place when experts come or go.
struct ExpertTable {
  int64_t room = 0;               // experts
  int64_t intermediate_size = 0;  // of each
  Buffer on_device;
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_EXPERT_WEIGHTS_H_
