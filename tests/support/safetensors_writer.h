#ifndef OCTET_TESTS_SUPPORT_SAFETENSORS_WRITER_H_
#define OCTET_TESTS_SUPPORT_SAFETENSORS_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "tests/support/test_files.h"

namespace octet {

// IEEE 754 binary16 bits, rounded to nearest, ties to even.
uint16_t ToHalf(float x);

// `header` as the format frames it, whatever it says, with `data` behind it.
std::string SafetensorsBytes(const std::string& header, const std::string& data);

// Builds valid safetensors files; what goes wrong ends the process.
class SafetensorsWriter {
 public:
  // `values` are rounded to `dtype`; there are as many as `shape` has elements.
  void Add(const std::string& name, DType dtype, const std::vector<int64_t>& shape,
           std::span<const float> values);

  // A tensor of any dtype, spelled as in the format, with its bytes.
  void AddRaw(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape,
              const std::string& bytes);

  void SetMetadata(const std::string& key, const std::string& value) { metadata_[key] = value; }

  // The parts of one file with all tensors in the order of Add, for tests that break them.
  std::string Header() const { return Header(tensors_); }
  std::string Data() const { return Data(tensors_); }
  std::string Bytes() const { return SafetensorsBytes(Header(), Data()); }

  void Write(const std::string& path) const { WriteFile(path, Bytes()); }

  // The files of a sharded checkpoint by name: model-0000i-of-0000n.safetensors with the i-th part
  // of the tensors, and model.safetensors.index.json.
  std::map<std::string, std::string> Shards(int num_shards) const;
  void WriteSharded(const std::string& directory, int num_shards) const;

 private:
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
    std::string bytes;
  };

  std::string Header(std::span<const Tensor> tensors) const;
  static std::string Data(std::span<const Tensor> tensors);

  std::vector<Tensor> tensors_;
  std::map<std::string, std::string> metadata_ = {{"format", "pt"}};
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SAFETENSORS_WRITER_H_
