#include "kernels/base/check.h"
#include "runtime/checkpoint/gguf_config.h"
#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/gguf_tensors.h"
#include "runtime/checkpoint/gguf_tokenizer.h"
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

// Each slice lies in the file.
void CheckSlice(const TensorSlice& slice) {
  OCTET_CHECK(slice.rows > 0 && slice.cols > 0) << slice.name;
  OCTET_CHECK(slice.offset + slice.bytes() <= slice.file->size()) << slice.name;
}

void CheckMixtral(const GgufModel& model) {
  const auto config = ReadGgufConfig(model);
  if (!config.ok()) return CheckError(config.status());
  OCTET_CHECK(CheckSizes(*config, "m").ok());
  OCTET_CHECK(config->num_heads % config->num_kv_heads == 0 && config->head_dim % 2 == 0);
  for (const std::string& warning : config->warnings) CheckMessage(warning);
  const auto tensors = MapGgufTensors(model, *config);
  if (!tensors.ok()) return CheckError(tensors.status());
  for (const std::string& warning : tensors->warnings()) CheckMessage(warning);
  for (int l = 0; l < config->num_layers; ++l) {
    CheckSlice(tensors->layer(l).q_proj);
    for (int e = 0; e < config->num_experts; ++e) CheckSlice(tensors->expert(l, e).w2);
  }
}

void CheckTokenizer(const GgufModel& model) {
  if (!HasGgufTokenizer(model)) return;
  const auto tokenizer = ReadGgufTokenizer(model);
  if (!tokenizer.ok()) return CheckError(tokenizer.status());
  for (const std::string& note : tokenizer->notes()) CheckMessage(note);
  TryTokenizer(*tokenizer);
  const auto chat = ReadGgufChatTemplates(model, *tokenizer);
  if (!chat.ok()) CheckError(chat.status());
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
    CheckMixtral(*model);
    CheckTokenizer(*model);
  }
}

}  // namespace octet::fuzz
