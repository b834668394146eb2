#include "kernels/base/check.h"
#include "runtime/checkpoint/gguf_model.h"
#include "runtime/io/utf8.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

void CheckText(const std::string& text) {
  OCTET_CHECK(IsUtf8(text) && text.find('\n') == std::string::npos) << text;
}

// Each tensor lies in the file, aligned, and behind the one before it.
void CheckGguf(const GgufFile& file) {
  uint64_t covered = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    OCTET_CHECK_EQ(tensor.offset % file.alignment(), uint64_t{0});
    OCTET_CHECK(tensor.offset >= covered);
    covered = tensor.offset + tensor.bytes;
    OCTET_CHECK(tensor.bytes == 0 || covered <= file.file().size());
  }
  for (const auto& [key, value] : file.metadata().entries()) {
    OCTET_CHECK(file.metadata().Find(key) == &value);
    CheckText(GgufTypeName(value) + GgufValueText(value));
  }
}

}  // namespace

void GgufHeader(const std::string& bytes) {
  MemoryFileSystem files;
  for (const char* path : {"m.gguf", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}) {
    files.files[path] = bytes;
  }
  for (const char* path : {"m.gguf", "m-00001-of-00002.gguf"}) {
    const auto model = GgufModel::Open(files, path);
    if (!model.ok()) {
      CheckError(model.status());
      continue;
    }
    OCTET_CHECK_EQ(model->files().size(), size_t{1});  // the same bytes can't be two parts
    OCTET_CHECK_EQ(model->tensors().size(), model->files().front().tensors().size());
    CheckGguf(model->files().front());
  }
}

}  // namespace octet::fuzz
