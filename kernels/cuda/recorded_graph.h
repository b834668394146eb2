// Work of a stream that was captured into a CUDA graph.

#ifndef OCTET_KERNELS_CUDA_RECORDED_GRAPH_H_
#define OCTET_KERNELS_CUDA_RECORDED_GRAPH_H_

#include <absl/functional/function_ref.h>
#include <cuda_runtime_api.h>

#include "kernels/cuda/cuda_buffers.h"

namespace octet::cuda {

// A graph that can be launched again and again.
class RecordedGraph {
 public:
  // Captures what `put` puts on the stream. Nobody may wait or allocate meanwhile.
  RecordedGraph(const Stream& stream, absl::FunctionRef<void()> put);
  RecordedGraph(const RecordedGraph&) = delete;
  RecordedGraph& operator=(const RecordedGraph&) = delete;

  // The stream must have done what it was launched for.
  ~RecordedGraph() { (void)cudaGraphExecDestroy(graph_); }

  void Launch(const Stream& stream) const;

 private:
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace octet::cuda

#endif  // OCTET_KERNELS_CUDA_RECORDED_GRAPH_H_
