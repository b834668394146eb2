// Arrays on the device, for tests.

#ifndef OCTET_TESTS_CUDA_EMU_DEVICE_ARRAY_H_
#define OCTET_TESTS_CUDA_EMU_DEVICE_ARRAY_H_

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace octet::cuda_emu {

// A stream that is destroyed with it.
class TestStream {
 public:
  TestStream() {
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess);
  }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  ~TestStream() { (void)cudaStreamDestroy(stream_); }

  operator cudaStream_t() const { return stream_; }
  cudaError_t Wait() const { return cudaStreamSynchronize(stream_); }

 private:
  cudaStream_t stream_ = nullptr;
};

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(int64_t size) : size_(size) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), cudaSuccess);
  }
  DeviceArray(const std::vector<T>& values, const TestStream& stream)
      : DeviceArray(std::ssize(values)) {
    EXPECT_EQ(cudaMemcpyAsync(data_, values.data(), bytes(), cudaMemcpyHostToDevice, stream),
              cudaSuccess);
    EXPECT_EQ(stream.Wait(), cudaSuccess);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { (void)cudaFree(data_); }

  T* data() const { return data_; }

  // Overwrites the beginning of another one.
  void CopyTo(const DeviceArray& to, const TestStream& stream) const {
    EXPECT_LE(size_, to.size_);
    EXPECT_EQ(cudaMemcpyAsync(to.data_, data_, bytes(), cudaMemcpyDeviceToDevice, stream),
              cudaSuccess);
  }

  // After the work of the stream.
  std::vector<T> Read(const TestStream& stream) const {
    std::vector<T> values(size_);
    EXPECT_EQ(cudaMemcpyAsync(values.data(), data_, bytes(), cudaMemcpyDeviceToHost, stream),
              cudaSuccess);
    EXPECT_EQ(stream.Wait(), cudaSuccess);
    return values;
  }

 private:
  size_t bytes() const { return static_cast<size_t>(size_) * sizeof(T); }

  int64_t size_;
  T* data_ = nullptr;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_DEVICE_ARRAY_H_
