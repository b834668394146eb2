#include "runtime/checkpoint/safetensors.h"

#include "kernels/base/check.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

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

}  // namespace octet::fuzz
