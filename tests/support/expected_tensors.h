// Reads what an oracle computed, from a safetensors file.

#ifndef OCTET_TESTS_SUPPORT_EXPECTED_TENSORS_H_
#define OCTET_TESTS_SUPPORT_EXPECTED_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/checkpoint/safetensors.h"
#include "runtime/io/file.h"

namespace octet {

class ExpectedTensors {
 public:
  explicit ExpectedTensors(const std::string& path);

  bool Has(const std::string& name) const { return Find(name) != nullptr; }
  std::vector<uint64_t> Shape(const std::string& name) const;
  std::vector<int32_t> Ints(const std::string& name) const;
  std::vector<float> Floats(const std::string& name) const;

 private:
  const SafetensorsTensor* Find(const std::string& name) const;
  template <class T>
  std::vector<T> Read(const std::string& name, const std::string& dtype) const;

  PosixFileSystem files_;
  SafetensorsFile file_;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_EXPECTED_TENSORS_H_
