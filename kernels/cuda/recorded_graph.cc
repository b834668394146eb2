#include "kernels/cuda/recorded_graph.h"

#include "kernels/cuda/cuda_check.h"

namespace octet::cuda {

// Other threads, such as those of NCCL, may allocate meanwhile.
RecordedGraph::RecordedGraph(const Stream& stream, absl::FunctionRef<void()> put) {
  cudaGraph_t captured = nullptr;
  Check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "a graph");
  put();
  Check(cudaStreamEndCapture(stream, &captured), "a graph");
  Check(cudaGraphInstantiate(&graph_, captured, 0), "a graph");
  Check(cudaGraphDestroy(captured), "a graph");
}

void RecordedGraph::Launch(const Stream& stream) const {
  Check(cudaGraphLaunch(graph_, stream), "a graph");
}

}  // namespace octet::cuda
