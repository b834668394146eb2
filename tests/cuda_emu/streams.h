// Work that waits on streams.

#ifndef OCTET_TESTS_CUDA_EMU_STREAMS_H_
#define OCTET_TESTS_CUDA_EMU_STREAMS_H_

#include <cuda_runtime_api.h>

#include <functional>

namespace octet::cuda_emu {

// Puts work on a stream, or into the graph that it captures. It is done when somebody waits for it,
// in turn with the work of other streams as is drawn, so that a missing event shows.
cudaError_t Enqueue(cudaStream_t stream, std::function<void()> work);

// Puts work on a stream that may have to wait for other processes: false, and it is asked again.
// Each launch of a graph has a copy of its own.
cudaError_t EnqueueTrial(cudaStream_t stream, std::function<bool()> work);

// Does one piece of work of any stream: one is complete, or has to be asked again, or all streams
// are idle or wait for each other.
enum class Step { kDone, kNotYet, kNone };
Step WorkStep();

// Does work of all streams until `finished`. What the device has found wrong so far is an error.
// The caller holds RuntimeMutex once; others get it while the work has to wait.
cudaError_t WorkUntil(const std::function<bool()>& finished);

// Does one piece of work of any stream, if there is one.
cudaError_t WorkOnce();

// Whether a stream captures a graph: nobody may wait or allocate then.
bool IsCapturing();

// The streams and events of the runtime, one function of it each.
cudaStream_t MakeStream();
void DestroyStream(cudaStream_t stream);
bool IsIdle(cudaStream_t stream);
bool AreAllIdle();
cudaEvent_t MakeEvent();
void DestroyEvent(cudaEvent_t event);
cudaError_t Record(cudaEvent_t event, cudaStream_t stream);
cudaError_t WaitFor(cudaStream_t stream, cudaEvent_t event);
bool HasHappened(cudaEvent_t event);
void BeginCapture(cudaStream_t stream);
cudaGraph_t EndCapture(cudaStream_t stream);
cudaGraphExec_t Instantiate(cudaGraph_t graph);
cudaError_t LaunchGraph(cudaGraphExec_t graph, cudaStream_t stream);
void DestroyGraph(cudaGraph_t graph);
void DestroyGraph(cudaGraphExec_t graph);

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_STREAMS_H_
