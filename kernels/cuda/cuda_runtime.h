// The CUDA devices of this machine.

#ifndef OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_
#define OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/backend.h"

struct CUstream_st;  // a cudaStream_t points to one

namespace octet {

// Returns one line for the user: the runtime's version and the number of devices, or why there are
// none.
std::string DescribeCuda();

struct CudaDevice {
  std::string name;
  std::string bus_id;  // of the PCI bus
  int major = 0;       // compute capability
  int minor = 0;
  size_t free_bytes = 0;
  int numa_node = -1;  // nearest to it; -1: not known

  // The instruction path of a numerics class, such as "cuda_sm90".
  std::string path() const { return "cuda_sm" + std::to_string(major) + std::to_string(minor); }
};

// Returns the devices that this process may use, in the order of their numbers. An error says why
// there are none.
absl::StatusOr<std::vector<CudaDevice>> FindCudaDevices();

// What is computed with tensor cores; the rest is computed by the plain kernels.
struct TensorCoreUse {
  bool products = true;
  bool experts = true;
  bool attention = true;

  // Names what is not, as " without tensor cores: attention"; empty if all is.
  std::string Describe() const;
};

// Compares the kernels for tensor cores with the plain ones on the device of this number. Returns
// those that agree.
TensorCoreUse TestTensorCores(int device);

// Returns the stream of a CUDA backend.
CUstream_st* StreamOf(Backend& backend);

// Makes the backend on the device of this number. host: the arithmetic on the host's memory, whose
// threads prepare weights.
std::unique_ptr<Backend> MakeCudaBackend(int device, std::unique_ptr<Backend> host,
                                         const TensorCoreUse& use = {});

}  // namespace octet

#endif  // OCTET_KERNELS_CUDA_CUDA_RUNTIME_H_
