// The GGUF format of llama.cpp: a header with metadata and the names, types, shapes and places of
// tensors, then their bytes. Source: https://github.com/ggml-org/ggml, docs/gguf.md and
// include/gguf.h.

#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_FILE_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_FILE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/checkpoint/ggml_type.h"
#include "runtime/checkpoint/gguf_metadata.h"
#include "runtime/io/file.h"

namespace octet {

class GgufReader;

// Returns whether the file begins as every GGUF file does.
bool HasGgufMagic(const RandomAccessFile& file);

struct GgufTensor {
  std::string name;
  const GgmlType* type = nullptr;
  std::vector<uint64_t> shape;  // outermost first, which is the reverse of the format's order
  uint64_t offset = 0;          // bytes from the start of the file
  uint64_t bytes = 0;
};

// An open file whose header obeys the rules of the format: names are unique, and the bytes of each
// tensor are present, aligned, and belong to no other tensor.
class GgufFile {
 public:
  // Reads the header only. An error names the file, the part of the header and the rule.
  static absl::StatusOr<GgufFile> Open(FileSystem& files, const std::string& path);

  const RandomAccessFile& file() const { return *file_; }
  uint32_t version() const { return version_; }
  uint64_t alignment() const { return alignment_; }
  uint64_t header_bytes() const { return header_bytes_; }  // all before the tensors' bytes
  const GgufMetadata& metadata() const { return metadata_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }  // by offset

 private:
  explicit GgufFile(std::unique_ptr<RandomAccessFile> file)
      : file_(std::move(file)), metadata_(file_->path()) {}

  absl::Status ReadHeader();
  absl::Status ReadAlignment();
  void ReadMetadata(GgufReader& reader, uint64_t count);
  void ReadTensors(GgufReader& reader, uint64_t count);

  std::unique_ptr<RandomAccessFile> file_;
  uint32_t version_ = 0;
  uint64_t alignment_ = 0;
  uint64_t header_bytes_ = 0;
  GgufMetadata metadata_;
  std::vector<GgufTensor> tensors_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_FILE_H_
