#include "runtime/io/file.h"

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <filesystem>

namespace octet {

absl::StatusOr<Buffer> RandomAccessFile::Map(uint64_t /*offset*/, size_t /*bytes*/) const {
  return absl::UnimplementedError(absl::StrCat(path(), ": can't be mapped"));
}

absl::StatusOr<std::string> FileSystem::ReadWhole(const std::string& path, size_t most) {
  const auto file = Open(path);
  if (!file.ok()) return file.status();
  if ((*file)->size() > most) {
    return absl::OutOfRangeError(
        absl::StrCat(path, ": has ", (*file)->size(), " bytes; at most ", most, " are read"));
  }
  std::string text((*file)->size(), '\0');
  const absl::Status status = (*file)->Read(0, std::as_writable_bytes(std::span(text)));
  if (!status.ok()) return status;
  return text;
}

absl::StatusOr<std::string> FileSystem::ReadStream(const std::string& path, size_t most) {
  const auto file = OpenInput(path);
  if (!file.ok()) return file.status();
  std::string text;
  std::vector<std::byte> buffer(size_t{64} << 10);
  while (true) {
    const absl::StatusOr<size_t> n = (*file)->Read(buffer);
    if (!n.ok()) return n.status();
    if (*n == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer.data()), *n);
    if (text.size() > most) {
      return absl::OutOfRangeError(absl::StrCat(path, ": has more than ", most, " bytes"));
    }
  }
}

absl::Status WriteAndClose(OutputStream& file, std::string_view text) {
  const absl::Status status = file.Write(std::as_bytes(std::span(text)));
  return status.ok() ? file.Close() : status;
}

absl::Status FileSystem::WriteWhole(const std::string& path, std::string_view text) {
  const auto file = CreateOutput(path);
  return file.ok() ? WriteAndClose(**file, text) : file.status();
}

absl::StatusOr<std::unique_ptr<OutputStream>> FileSystem::CreateScratch(const std::string& stem) {
  constexpr int kMostTries =
      1000;  // other processes with the same number, on other hosts or earlier
  for (int i = 0;; ++i) {
    auto file = CreateNew(absl::StrCat(stem, ".", getpid(), "-", i));
    if (!absl::IsAlreadyExists(file.status()) || i == kMostTries) return file;
  }
}

absl::Status FileSystem::ReplaceDurably(const std::string& path, std::string_view text) {
  return ReplaceDurably(path, [&](auto file) { return WriteAndClose(*file, text); });
}

absl::Status FileSystem::ReplaceDurably(const std::string& path, FileWriter write) {
  absl::StatusOr<std::unique_ptr<OutputStream>> file = CreateScratch(path + ".new");
  if (!file.ok()) return file.status();
  const std::string fresh = (*file)->path();
  absl::Status status = write(*std::move(file));
  if (status.ok()) status = Rename(fresh, path);
  if (status.ok()) return Sync(DirectoryOf(path));
  Remove(fresh).IgnoreError();
  return status;
}

std::string JoinPath(const std::string& directory, const std::string& name) {
  return (std::filesystem::path(directory) / name).string();
}

std::string DirectoryOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace octet
