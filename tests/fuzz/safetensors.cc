#include "runtime/model/safetensors.h"

#include <cstring>

#include "kernels/check.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace octet::fuzz {

void SafetensorsHeader(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["m.safetensors"] = bytes;
  const auto file = SafetensorsFile::Open(files, "m.safetensors");
  if (!file.ok()) return CheckError(file.status());
  // Each byte behind the header belongs to one tensor.
  uint64_t end = bytes.size();
  for (auto tensor = file->tensors().rbegin(); tensor != file->tensors().rend(); ++tensor) {
    OCTET_CHECK_EQ(tensor->offset + tensor->bytes, end);
    end = tensor->offset;
  }
  OCTET_CHECK(end >= sizeof(uint64_t));
}

size_t MutateSafetensors(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  uint64_t header = 0;
  if (size >= sizeof(header)) std::memcpy(&header, data, sizeof(header));
  const bool is_whole = size >= sizeof(header) && header <= size - sizeof(header);
  if (!is_whole || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const size_t behind = size - sizeof(header) - header;
  const std::string tensors(data + size - behind, data + size);
  uint8_t* const json = data + sizeof(header);
  header = LLVMFuzzerMutate(json, header, max_size - sizeof(header) - behind);
  std::memcpy(data, &header, sizeof(header));
  std::memcpy(json + header, tensors.data(), behind);
  return sizeof(header) + header + behind;
}

}  // namespace octet::fuzz
