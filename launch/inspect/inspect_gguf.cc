#include "launch/inspect/inspect_gguf.h"

#include <absl/strings/str_cat.h>

#include <vector>

#include "launch/console/text_table.h"
#include "launch/inspect/tensor_table.h"
#include "runtime/io/strict_json.h"

namespace octet {

std::string FormatGguf(const GgufModel& model) {
  std::vector<std::vector<std::string>> rows = {{"metadata", "type", "value"}};
  for (const auto& [key, value] : model.metadata().entries()) {
    rows.push_back({Escaped(key), GgufTypeName(value), GgufValueText(value)});
  }
  TensorTable tensors;
  for (const auto& [file, tensor] : model.tensors()) {
    tensors.Add(tensor->name, tensor->type->name, tensor->shape, tensor->bytes,
                file->file().path());
  }
  const GgufFile& first = model.files().front();
  return absl::StrCat("GGUF version ", first.version(), ", tensors aligned to ", first.alignment(),
                      " bytes\n\n", FormatTable(rows), "\n",
                      tensors.ToString(model.files().size()));
}

}  // namespace octet
