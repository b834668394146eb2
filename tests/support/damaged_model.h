// A small model with single weights that are not as they were.

#ifndef OCTET_TESTS_SUPPORT_DAMAGED_MODEL_H_
#define OCTET_TESTS_SUPPORT_DAMAGED_MODEL_H_

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/test_files.h"

namespace octet {

// A copy of a model of one file, in a directory "model" of memory.
class DamagedModel {
 public:
  static constexpr char kDirectory[] = "model";

  explicit DamagedModel(const std::string& source = OCTET_SOURCE_DIR "/tests/golden/hf/basic",
                        const std::vector<std::string>& names = {"config.json", kWeights}) {
    for (const std::string& name : names) {
      files_.files[Path(kDirectory, name)] = ReadFile(Path(source, name));
    }
  }

  // Sets one element of a tensor of float32 or bfloat16.
  void Damage(const std::string& tensor, int64_t row, int64_t col, float value) {
    std::string& bytes = files_.files[Path(kDirectory, kWeights)];
    uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
    const auto header = nlohmann::json::parse(bytes.substr(sizeof(header_bytes), header_bytes));
    const auto& entry = header.at(tensor);
    const int64_t cols = entry.at("shape").back();
    const uint64_t begin = entry.at("data_offsets").front();
    char* data = bytes.data() + sizeof(header_bytes) + header_bytes + begin;
    if (entry.at("dtype") == "F32") {
      std::memcpy(data + (row * cols + col) * 4, &value, 4);
    } else {
      const BF16 rounded = ToBF16(value);
      std::memcpy(data + (row * cols + col) * 2, &rounded, 2);
    }
  }

  // Into a directory that is there.
  void WriteTo(const std::string& directory) const {
    for (const auto& [path, bytes] : files_.files) {
      WriteFile(Path(directory, path.substr(sizeof(kDirectory))), bytes);
    }
  }

  MemoryFileSystem& files() { return files_; }

 private:
  static constexpr char kWeights[] = "model.safetensors";

  static std::string Path(const std::string& directory, const std::string& name) {
    return directory + "/" + name;
  }

  MemoryFileSystem files_;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_DAMAGED_MODEL_H_
