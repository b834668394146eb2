#include "tests/cuda_emu/nccl_mail.h"

#include <absl/strings/str_cat.h>
#include <signal.h>  // kill
#include <stdlib.h>  // mkdtemp
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace octet::cuda_emu {
namespace {

namespace fs = std::filesystem;

std::optional<std::vector<std::byte>> Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  std::vector<std::byte> bytes(static_cast<size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), std::ssize(bytes));
  if (!file) return std::nullopt;
  return bytes;
}

// A directory's name goes on with the process that made it.
constexpr char kPrefix[] = "octet-nccl-";

// Removes the directories of jobs that were ended.
void RemoveLeftOvers(const std::string& parent) {
  std::error_code error;
  std::vector<fs::path> left_over;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename();
    const bool is_ours = name.starts_with(kPrefix);
    const int process = is_ours ? std::atoi(name.c_str() + sizeof(kPrefix) - 1) : 0;
    if (process > 0 && kill(process, 0) != 0 && errno == ESRCH) left_over.push_back(entry.path());
  }
  for (const fs::path& path : left_over) fs::remove_all(path, error);
}

std::string ToldPath(const std::string& directory, int rank) {
  return absl::StrCat(directory, "/told-", rank);
}

std::string LeftPath(const std::string& directory, int rank) {
  return absl::StrCat(directory, "/left-", rank);
}

}  // namespace

std::string NcclMail::MakeDirectory() {
  const char* given = std::getenv("TMPDIR");
  const std::string parent = given == nullptr ? "/dev/shm" : given;
  RemoveLeftOvers(parent);
  std::string path = absl::StrCat(parent, "/", kPrefix, getpid(), "-XXXXXX");
  return mkdtemp(path.data()) == nullptr ? "" : path;
}

bool NcclMail::Write(const std::string& path, std::span<const std::byte> bytes) const {
  const std::string temporary = absl::StrCat(directory_, "/writing-", rank_);
  {
    std::ofstream file(temporary, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    file.close();
    if (!file) return false;
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  return !error;
}

bool NcclMail::Tell(const std::string& line) {
  return Write(ToldPath(directory_, rank_), std::as_bytes(std::span(line)));
}

std::optional<std::vector<std::string>> NcclMail::AllTold() const {
  std::vector<std::string> lines;
  for (int r = 0; r < num_ranks_; ++r) {
    const auto bytes = Read(ToldPath(directory_, r));
    if (!bytes) return std::nullopt;
    lines.emplace_back(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  return lines;
}

std::string NcclMail::PathOf(int from, int to, int64_t number) const {
  return absl::StrCat(directory_, "/", from, "-to-", to, "-", number);
}

bool NcclMail::Put(int to, int64_t number, std::span<const std::byte> message) {
  return Write(PathOf(rank_, to, number), message);
}

bool NcclMail::IsTaken(int to, int64_t number) const {
  return !fs::exists(PathOf(rank_, to, number));
}

std::optional<std::vector<std::byte>> NcclMail::Take(int from, int64_t number) {
  const std::string path = PathOf(from, rank_, number);
  auto message = Read(path);
  if (message) fs::remove(path);
  return message;
}

void NcclMail::Leave() {
  (void)Write(LeftPath(directory_, rank_), {});
  for (int r = 0; r < num_ranks_; ++r) {
    if (!fs::exists(LeftPath(directory_, r))) return;
  }
  std::error_code error;  // another one may remove it at the same time
  fs::remove_all(directory_, error);
}

}  // namespace octet::cuda_emu
