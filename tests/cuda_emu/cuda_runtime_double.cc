// The functions of the CUDA runtime that octet calls, for a program that links these in its place.

#include <absl/strings/str_cat.h>
#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "kernels/base/mapped_memory.h"
#include "tests/cuda_emu/device_memory.h"
#include "tests/cuda_emu/devices.h"
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

// What cudaMallocHost gave. It ends where memory ends, but for a few bytes.
std::map<const void*, Buffer>& PinnedMemory() {
  static std::map<const void*, Buffer> pinned;
  return pinned;
}

void* AllocatePinned(size_t bytes) {
  constexpr size_t kPage = 4096;
  constexpr size_t kAlignment = 256;
  const size_t used = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const size_t mapped = (used + kPage - 1) / kPage * kPage;
  Buffer memory = MapZeros(mapped + kPage);
  if (memory.data() == nullptr || mprotect(memory.data() + mapped, kPage, PROT_NONE) != 0) {
    return nullptr;
  }
  std::byte* const p = memory.data() + mapped - used;
  std::memset(p, kUnwritten, bytes);
  PinnedMemory()[p] = std::move(memory);
  return p;
}

// The memory of the host that the device may use, beside what cudaMallocHost gives.
std::set<const void*>& RegisteredMemory() {
  static std::set<const void*> registered;
  return registered;
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
using octet::cuda_emu::RegisteredMemory;
using octet::cuda_emu::RuntimeLock;
using octet::cuda_emu::RuntimeMutex;
using octet::cuda_emu::WorkOnce;
using octet::cuda_emu::WorkUntil;

extern "C" {

cudaError_t cudaMalloc(void** p, size_t bytes) {
  const RuntimeLock lock(RuntimeMutex());
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  *p = DeviceMemory::OfDevice().Allocate(bytes);
  return *p == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  const RuntimeLock lock(RuntimeMutex());
  if (p == nullptr) return cudaSuccess;
  const cudaError_t error = WorkUntil(AreAllIdle);
  if (!DeviceMemory::OfDevice().Free(p)) {
    Emulation::Device().Fail("cudaFree of what was not allocated");
    return cudaErrorInvalidValue;
  }
  return error;
}

cudaError_t cudaMallocHost(void** p, size_t bytes) {
  const RuntimeLock lock(RuntimeMutex());
  *p = octet::cuda_emu::AllocatePinned(bytes);
  return *p == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFreeHost(void* p) {
  const RuntimeLock lock(RuntimeMutex());
  const bool is_known = p == nullptr || octet::cuda_emu::PinnedMemory().erase(p) == 1;
  return is_known ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  return octet::cuda_emu::Enqueue(stream, [=] { octet::cuda_emu::Copy(to, from, bytes, kind); });
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidPitchValue;
  return octet::cuda_emu::Enqueue(stream, [=] {
    for (size_t row = 0; row < height; ++row) {
      octet::cuda_emu::Copy(static_cast<std::byte*>(to) + row * to_pitch,
                            static_cast<const std::byte*>(from) + row * from_pitch, width, kind);
    }
  });
}

cudaError_t cudaHostRegister(void* p, size_t, unsigned) {
  const RuntimeLock lock(RuntimeMutex());
  const bool is_new = RegisteredMemory().insert(p).second;
  return is_new ? cudaSuccess : cudaErrorHostMemoryAlreadyRegistered;
}

cudaError_t cudaHostUnregister(void* p) {
  const RuntimeLock lock(RuntimeMutex());
  return RegisteredMemory().erase(p) == 1 ? cudaSuccess : cudaErrorHostMemoryNotRegistered;
}

cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  return octet::cuda_emu::Enqueue(stream, [=] {
    if (!octet::cuda_emu::IsInBounds("cudaMemset", p, bytes)) return;
    const DeviceMemory::Access access;
    std::memset(p, value, bytes);
  });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const RuntimeLock lock(RuntimeMutex());
  *stream = octet::cuda_emu::MakeStream();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  const cudaError_t error = WorkUntil([stream] { return IsIdle(stream); });
  octet::cuda_emu::DestroyStream(stream);
  return error;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  return WorkUntil([stream] { return IsIdle(stream); });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  if (const cudaError_t error = WorkOnce(); error != cudaSuccess) return error;
  return IsIdle(stream) ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaDeviceSynchronize() {
  const RuntimeLock lock(RuntimeMutex());
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  return WorkUntil(AreAllIdle);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  const RuntimeLock lock(RuntimeMutex());
  *event = octet::cuda_emu::MakeEvent();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const RuntimeLock lock(RuntimeMutex());
  const cudaError_t error = WorkUntil(AreAllIdle);
  octet::cuda_emu::DestroyEvent(event);
  return error;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  return octet::cuda_emu::Record(event, stream);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const RuntimeLock lock(RuntimeMutex());
  return octet::cuda_emu::WaitFor(stream, event);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const RuntimeLock lock(RuntimeMutex());
  if (IsCapturing()) return cudaErrorStreamCaptureUnsupported;
  return WorkUntil([event] { return octet::cuda_emu::HasHappened(event); });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const RuntimeLock lock(RuntimeMutex());
  return octet::cuda_emu::HasHappened(event) ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const RuntimeLock lock(RuntimeMutex());
  octet::cuda_emu::BeginCapture(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const RuntimeLock lock(RuntimeMutex());
  *graph = octet::cuda_emu::EndCapture(stream);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  const RuntimeLock lock(RuntimeMutex());
  *executable = octet::cuda_emu::Instantiate(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  return octet::cuda_emu::LaunchGraph(graph, stream);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const RuntimeLock lock(RuntimeMutex());
  octet::cuda_emu::DestroyGraph(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  const RuntimeLock lock(RuntimeMutex());
  octet::cuda_emu::DestroyGraph(graph);
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  const RuntimeLock lock(RuntimeMutex());
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorInvalidValue;
  if (static_cast<size_t>(value) > Emulation::Device().options().shared_bytes) {
    return cudaErrorInvalidValue;
  }
  octet::cuda_emu::AllowDynamicShared(kernel, static_cast<size_t>(value));
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error) {
  const RuntimeLock lock(RuntimeMutex());
  const auto& faults = Emulation::Device().faults();
  if (error == cudaErrorLaunchFailure && !faults.empty()) return faults.front().c_str();
  return error == cudaSuccess ? "no error" : "an error of the emulated CUDA runtime";
}

// Devices as of sm_80.

cudaError_t cudaGetDeviceCount(int* count) {
  *count = octet::cuda_emu::NumDevices();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return octet::cuda_emu::UseDevice(device) ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= octet::cuda_emu::NumDevices()) return cudaErrorInvalidDevice;
  *properties = {};
  std::strcpy(properties->name, "emulated device");
  properties->major = 8;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device < 0 || device >= octet::cuda_emu::NumDevices()) return cudaErrorInvalidDevice;
  constexpr int kProcessors = 4;
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = kProcessors;
      return cudaSuccess;
    case cudaDevAttrHostNumaId:
      *value = -1;
      return cudaSuccess;
    default:
      return cudaErrorInvalidValue;
  }
}

cudaError_t cudaDeviceGetPCIBusId(char* bus_id, int length, int device) {
  if (device < 0 || device >= octet::cuda_emu::NumDevices()) return cudaErrorInvalidDevice;
  return std::snprintf(bus_id, length, "%s", octet::cuda_emu::BusIdOf(device).c_str()) < length
             ? cudaSuccess
             : cudaErrorInvalidValue;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const RuntimeLock lock(RuntimeMutex());
  *free = DeviceMemory::OfDevice().bytes_left();
  *total = DeviceMemory::kBytes;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

}  // extern "C"
