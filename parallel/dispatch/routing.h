// The experts that the router chose.

#ifndef OCTET_PARALLEL_DISPATCH_ROUTING_H_
#define OCTET_PARALLEL_DISPATCH_ROUTING_H_

#include <cstdint>
#include <vector>

namespace octet {

// Memory of the device for what the router chooses; null if the host is told.
struct RoutingPlace {
  int32_t* topk_idx = nullptr;    // [tokens, topk]
  float* topk_weights = nullptr;  // [tokens, topk]
};

// The top k experts of each token of one layer, best first, and their gate weights, which sum to 1.
struct Routing {
  int64_t num_tokens = 0;
  int topk = 0;
  std::vector<int32_t> topk_idx;    // [num_tokens, topk]
  std::vector<float> topk_weights;  // [num_tokens, topk]
  RoutingPlace on_device = {};      // instead of the two, unless null
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_ROUTING_H_
