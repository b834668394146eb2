#include "launch/files/result_file.h"

#include <absl/strings/str_cat.h>

namespace octet {
namespace {

absl::Status OfFlag(const std::string& flag, const absl::Status& status) {
  if (status.ok()) return status;
  return {status.code(), absl::StrCat(flag, " ", std::string(status.message()))};
}

}  // namespace

absl::Status CheckResultFile(FileSystem& files, const std::string& flag, const std::string& path) {
  const absl::StatusOr<std::string> resolved = files.Resolve(path);
  if (!resolved.ok()) return OfFlag(flag, resolved.status());
  const std::string directory = DirectoryOf(*resolved);
  if (files.IsDirectory(*resolved)) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " ", path, ": is a directory"));
  }
  if (!files.IsDirectory(directory)) {
    return absl::NotFoundError(
        absl::StrCat(flag, " ", path, ": there is no directory ", directory));
  }
  if (files.Exists(*resolved) && !files.IsFile(*resolved)) return absl::OkStatus();
  return OfFlag(flag, files.RehearseRename(directory, *resolved));
}

absl::Status CheckResultDirectory(FileSystem& files, const std::string& flag,
                                  const std::string& directory, const std::string& name) {
  if (files.IsDirectory(directory)) {
    return CheckResultFile(files, flag, JoinPath(directory, name));
  }
  std::string missing = directory;  // the highest directory that is to be made
  while (!files.Exists(DirectoryOf(missing))) missing = DirectoryOf(missing);
  if (files.Exists(missing) || !files.IsDirectory(DirectoryOf(missing))) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, " ", directory, ": ", files.Exists(missing) ? missing : DirectoryOf(missing),
        " is not a directory"));
  }
  return OfFlag(flag, files.RehearseRename(DirectoryOf(missing), missing));
}

absl::Status WriteResultFile(FileSystem& files, const std::string& path,
                             FileSystem::FileWriter write) {
  const absl::StatusOr<std::string> resolved = files.Resolve(path);
  if (!resolved.ok()) return resolved.status();
  const bool is_special = files.Exists(*resolved) && !files.IsFile(*resolved);
  if (!is_special) return files.ReplaceDurably(*resolved, write);
  absl::StatusOr<std::unique_ptr<OutputStream>> stream = files.CreateOutput(path);
  return stream.ok() ? write(*std::move(stream)) : stream.status();
}

absl::Status WriteResultFile(FileSystem& files, const std::string& path, std::string_view text) {
  return WriteResultFile(files, path, [&](auto file) { return WriteAndClose(*file, text); });
}

}  // namespace octet
