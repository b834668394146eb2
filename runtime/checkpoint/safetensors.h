// The safetensors format: 8 bytes of header length (little-endian), a JSON header that names every
// tensor's dtype, shape and place, then their bytes, row-major and little-endian. Source:
// https://github.com/huggingface/safetensors, README.md ("Format") and safetensors/src/tensor.rs.

#ifndef OCTET_RUNTIME_CHECKPOINT_SAFETENSORS_H_
#define OCTET_RUNTIME_CHECKPOINT_SAFETENSORS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "runtime/io/file.h"

namespace octet {

struct SafetensorsTensor {
  std::string name;
  std::string dtype;            // in the format's spelling: "BF16", "F8_E4M3", …
  std::vector<uint64_t> shape;  // outermost first; [] is a scalar, a 0 means no elements
  uint64_t offset = 0;          // bytes from the start of the file
  uint64_t bytes = 0;
};

// Returns the dtype if Octet computes with it; nullopt for the format's other dtypes.
std::optional<DType> ComputableDType(const std::string& safetensors_dtype);

// An open file whose header obeys every rule of the format: the bytes of each tensor are present,
// and every byte of the file belongs to one.
class SafetensorsFile {
 public:
  // Reads the header only. An error names the file, the tensor and the rule.
  static absl::StatusOr<SafetensorsFile> Open(FileSystem& file_system, const std::string& path);

  const RandomAccessFile& file() const { return *file_; }
  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }  // by offset
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // A hash of the header's bytes and the file's size.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  SafetensorsFile() = default;

  // Adds one member of the header.
  absl::Status AddEntry(const std::string& name, const nlohmann::json& entry);

  std::unique_ptr<RandomAccessFile> file_;
  std::vector<SafetensorsTensor> tensors_;
  std::map<std::string, std::string> metadata_;
  uint64_t fingerprint_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_SAFETENSORS_H_
