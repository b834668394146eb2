#include "launch/inspect/tensor_table.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <filesystem>

#include "launch/console/text_table.h"

namespace octet {

void TensorTable::Add(const std::string& name, const std::string& dtype,
                      const std::vector<uint64_t>& shape, uint64_t bytes, const std::string& path) {
  rows_.push_back({absl::Utf8SafeCEscape(name), dtype,
                   absl::StrCat("[", absl::StrJoin(shape, ", "), "]"), absl::StrCat(bytes),
                   std::filesystem::path(path).filename().string()});
  bytes_of_dtypes_[dtype] += bytes;
  bytes_ += bytes;
}

std::string TensorTable::ToString(size_t num_files) const {
  std::string text = FormatTable(rows_);
  absl::StrAppend(&text, "\n", rows_.size() - 1, " tensors in ", num_files,
                  num_files == 1 ? " file, " : " files, ", bytes_, " bytes\n");
  for (const auto& [dtype, sum] : bytes_of_dtypes_) {
    absl::StrAppend(&text, "  ", dtype, ": ", sum, " bytes\n");
  }
  return text;
}

}  // namespace octet
