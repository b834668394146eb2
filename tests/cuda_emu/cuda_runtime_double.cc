// The functions of the CUDA runtime that octet calls, for a program that links these in its place.

#include <absl/strings/str_cat.h>
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <cstring>

#include "tests/cuda_emu/device_memory.h"
#include "tests/cuda_emu/emulation.h"
#include "tests/cuda_emu/grid.h"
#include "tests/cuda_emu/streams.h"

namespace octet::cuda_emu {
namespace {

cudaMemcpyKind KindOf(const void* to, const void* from) {
  const DeviceMemory& memory = DeviceMemory::OfDevice();
  if (memory.Contains(to)) {
    return memory.Contains(from) ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice;
  }
  return memory.Contains(from) ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

// False, and a fault, where it is memory of the device that leaves its allocation.
bool IsInBounds(const char* function, const void* p, size_t bytes) {
  const DeviceMemory& memory = DeviceMemory::OfDevice();
  if (!memory.Contains(p) || memory.IsInBounds(p, bytes)) return true;
  Emulation::Device().Fail(absl::StrCat(function, " of ", bytes, " bytes leaves its allocation"));
  return false;
}

void Copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (kind != cudaMemcpyDefault && kind != KindOf(to, from)) {
    Emulation::Device().Fail(absl::StrCat("a copy of kind ", kind, ", which it is not"));
    return;
  }
  if (!IsInBounds("a copy", to, bytes) || !IsInBounds("a copy", from, bytes)) return;
  const DeviceMemory::Access access;
  std::memcpy(to, from, bytes);
}

}  // namespace
}  // namespace octet::cuda_emu

using octet::cuda_emu::AreAllIdle;
using octet::cuda_emu::DeviceMemory;
using octet::cuda_emu::Emulation;
using octet::cuda_emu::IsCapturing;
using octet::cuda_emu::IsIdle;
using octet::cuda_emu::WorkUntil;

extern "C" {

cudaError_t cudaMalloc(void** p, size_t bytes) {
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  *p = DeviceMemory::OfDevice().Allocate(bytes);
  return *p == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  if (p == nullptr) return cudaSuccess;
  const cudaError_t error = WorkUntil(AreAllIdle);
  if (!DeviceMemory::OfDevice().Free(p)) {
    Emulation::Device().Fail("cudaFree of what was not allocated");
    return cudaErrorInvalidValue;
  }
  return error;
}

cudaError_t cudaMallocHost(void** p, size_t bytes) {
  *p = std::malloc(bytes);
  return *p == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFreeHost(void* p) {
  std::free(p);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return octet::cuda_emu::Enqueue(stream, [=] { octet::cuda_emu::Copy(to, from, bytes, kind); });
}

cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream) {
  return octet::cuda_emu::Enqueue(stream, [=] {
    if (!octet::cuda_emu::IsInBounds("cudaMemset", p, bytes)) return;
    const DeviceMemory::Access access;
    std::memset(p, value, bytes);
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = octet::cuda_emu::MakeStream();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const cudaError_t error = WorkUntil([stream] { return IsIdle(stream); });
  octet::cuda_emu::DestroyStream(stream);
  return error;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  return WorkUntil([stream] { return IsIdle(stream); });
}

cudaError_t cudaDeviceSynchronize() {
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  return WorkUntil(AreAllIdle);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = octet::cuda_emu::MakeEvent();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const cudaError_t error = WorkUntil(AreAllIdle);
  octet::cuda_emu::DestroyEvent(event);
  return error;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return octet::cuda_emu::Record(event, stream);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return octet::cuda_emu::WaitFor(stream, event);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  return WorkUntil([event] { return octet::cuda_emu::HasHappened(event); });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return octet::cuda_emu::HasHappened(event) ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  octet::cuda_emu::BeginCapture(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = octet::cuda_emu::EndCapture(stream);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  *executable = octet::cuda_emu::Instantiate(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  return octet::cuda_emu::LaunchGraph(graph, stream);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  octet::cuda_emu::DestroyGraph(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  octet::cuda_emu::DestroyGraph(graph);
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorInvalidValue;
  if (static_cast<size_t>(value) > Emulation::Device().options().shared_bytes) {
    return cudaErrorInvalidValue;
  }
  octet::cuda_emu::AllowDynamicShared(kernel, static_cast<size_t>(value));
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error) {
  const auto& faults = Emulation::Device().faults();
  if (error == cudaErrorLaunchFailure && !faults.empty()) return faults.front().c_str();
  return error == cudaSuccess ? "no error" : "an error of the emulated CUDA runtime";
}

}  // extern "C"
