#include "runtime/io/git_lfs.h"

#include <absl/strings/str_cat.h>

#include <memory>
#include <span>
#include <string_view>

namespace octet {
namespace {

constexpr std::string_view kBegin = "version https://git-lfs";
constexpr uint64_t kMostPointerBytes = 1024;  // by the specification

}  // namespace

absl::Status RefuseGitLfsPointer(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files.Open(path);
  if (!file.ok() || (*file)->size() > kMostPointerBytes || (*file)->size() < kBegin.size()) {
    return absl::OkStatus();
  }
  std::string begin(kBegin.size(), '\0');
  if (!(*file)->Read(0, std::as_writable_bytes(std::span(begin))).ok() || begin != kBegin) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      ": is a Git LFS pointer, not the file itself; fetch it with: git lfs install; git lfs pull"));
}

}  // namespace octet
