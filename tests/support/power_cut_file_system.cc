#include "tests/support/power_cut_file_system.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

class NoLock : public FileLock {
 public:
  absl::Status Write(std::string_view) override { return absl::OkStatus(); }
};

size_t Draw(std::mt19937& random, size_t most) {
  return std::uniform_int_distribution<size_t>(0, most)(random);
}

}  // namespace

class PowerCutFileSystem::Output : public OutputStream {
 public:
  Output(PowerCutFileSystem& files, std::shared_ptr<Inode> inode, std::string path)
      : files_(files), inode_(std::move(inode)), path_(std::move(path)) {}

  absl::Status Write(std::span<const std::byte> bytes) override {
    if (files_.is_cut()) return files_.Call();
    // The power may go in the middle of it: what AfterCut keeps of it is any part.
    inode_->bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return files_.Call();
  }
  absl::Status Sync() override {
    const absl::Status status = files_.Call();
    if (status.ok()) inode_->synced = inode_->bytes.size();
    return status;
  }
  absl::Status Close() override { return Sync(); }
  const std::string& path() const override { return path_; }

 private:
  PowerCutFileSystem& files_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
};

PowerCutFileSystem::PowerCutFileSystem(const std::map<std::string, std::string>& files) {
  directories_.insert(".");
  for (const auto& [path, bytes] : files) {
    names_[path] = std::make_shared<Inode>(Inode{bytes, bytes.size()});
    directories_.insert(DirectoryOf(path));
  }
  durable_names_ = names_;
  durable_directories_ = directories_;
}

absl::Status PowerCutFileSystem::Call() {
  ++calls_;
  return is_cut() ? absl::UnavailableError("the power is cut") : absl::OkStatus();
}

void PowerCutFileSystem::Apply(const Change& change, Names& names) {
  for (const auto& [path, inode] : change) {
    if (inode == nullptr) {
      names.erase(path);
    } else {
      names[path] = inode;
    }
  }
}

void PowerCutFileSystem::Make(Change change) {
  Apply(change, names_);
  pending_.push_back(std::move(change));
}

std::map<std::string, std::string> PowerCutFileSystem::AfterCut(std::mt19937& random) const {
  Names names = durable_names_;
  for (const Change& change : pending_) {
    if (Draw(random, 1) == 0) Apply(change, names);
  }
  std::set<std::string> directories = durable_directories_;
  for (const std::string& directory : directories_) {
    if (Draw(random, 1) == 0) directories.insert(directory);
  }
  std::map<std::string, std::string> files;
  for (const auto& [path, inode] : names) {
    if (!directories.contains(DirectoryOf(path))) continue;
    const size_t kept = Draw(random, inode->bytes.size() - inode->synced);
    std::string bytes = inode->bytes.substr(0, inode->synced + kept);
    // Some file systems make a file longer before its bytes are there.
    if (Draw(random, 3) == 0)
      std::fill(bytes.begin() + std::ssize(inode->bytes.substr(0, inode->synced)), bytes.end(),
                '\0');
    files[path] = std::move(bytes);
  }
  return files;
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> PowerCutFileSystem::Open(
    const std::string& path) {
  if (!IsFile(path)) return NoSuchFile(path);
  MemoryFileSystem memory;
  memory.files[path] = names_[path]->bytes;
  return memory.Open(path);
}

absl::StatusOr<std::unique_ptr<InputStream>> PowerCutFileSystem::OpenInput(
    const std::string& path) {
  if (!IsFile(path)) return NoSuchFile(path);
  MemoryFileSystem memory;
  memory.files[path] = names_[path]->bytes;
  return memory.OpenInput(path);
}

absl::StatusOr<std::unique_ptr<OutputStream>> PowerCutFileSystem::CreateOutput(
    const std::string& path) {
  const absl::Status status = Call();
  if (!status.ok()) return status;
  auto inode = std::make_shared<Inode>();
  Make({{path, inode}});
  return std::make_unique<Output>(*this, std::move(inode), path);
}

absl::StatusOr<std::unique_ptr<OutputStream>> PowerCutFileSystem::CreateNew(
    const std::string& path) {
  if (IsFile(path)) return absl::AlreadyExistsError(path);
  return CreateOutput(path);
}

absl::StatusOr<std::unique_ptr<FileLock>> PowerCutFileSystem::Lock(const std::string& path) {
  const absl::Status status = Call();
  if (!status.ok()) return status;
  if (!IsFile(path)) Make({{path, std::make_shared<Inode>()}});
  return std::make_unique<NoLock>();
}

absl::StatusOr<std::unique_ptr<FileLock>> PowerCutFileSystem::LockExisting(
    const std::string& path) {
  if (!IsFile(path)) return NoSuchFile(path);
  return std::make_unique<NoLock>();
}

absl::Status PowerCutFileSystem::RemoveDirectory(const std::string& path) {
  const absl::Status status = Call();
  if (status.ok()) directories_.erase(path);
  return status;
}

absl::StatusOr<FileInfo> PowerCutFileSystem::Stat(const std::string& path) {
  if (!IsFile(path)) return NoSuchFile(path);
  return FileInfo{.size = names_[path]->bytes.size()};
}

absl::Status PowerCutFileSystem::Rename(const std::string& from, const std::string& to) {
  if (!IsFile(from)) return NoSuchFile(from);
  const absl::Status status = Call();
  if (status.ok()) Make({{to, names_[from]}, {from, nullptr}});
  return status;
}

absl::Status PowerCutFileSystem::Remove(const std::string& path) {
  if (!IsFile(path)) return NoSuchFile(path);
  const absl::Status status = Call();
  if (status.ok()) Make({{path, nullptr}});
  return status;
}

absl::Status PowerCutFileSystem::MakeDirectories(const std::string& path) {
  const absl::Status status = Call();
  if (status.ok()) directories_.insert(path);
  return status;
}

absl::Status PowerCutFileSystem::Sync(const std::string& path) {
  const absl::Status status = Call();
  if (!status.ok()) return status;
  if (const auto file = names_.find(path); file != names_.end()) {
    file->second->synced = file->second->bytes.size();
    return status;
  }
  const auto touches = [&path](const Change& change) {
    return std::any_of(change.begin(), change.end(),
                       [&path](const auto& name) { return DirectoryOf(name.first) == path; });
  };
  for (const Change& change : pending_) {
    if (touches(change)) Apply(change, durable_names_);
  }
  std::erase_if(pending_, touches);
  for (const std::string& directory : directories_) {
    if (DirectoryOf(directory) == path) durable_directories_.insert(directory);
  }
  return status;
}

absl::StatusOr<std::vector<std::string>> PowerCutFileSystem::List(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& [path, inode] : names_) {
    if (DirectoryOf(path) == directory)
      names.push_back(JoinPath("", path.substr(path.rfind('/') + 1)));
  }
  return names;
}

}  // namespace octet
