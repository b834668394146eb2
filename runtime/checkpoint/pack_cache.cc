#include "runtime/checkpoint/pack_cache.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <xxhash.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "kernels/base/activity.h"
#include "kernels/base/packed_matrix.h"
#include "runtime/io/fingerprint.h"

namespace octet {
namespace {

constexpr int kFormat = 1;
constexpr uint64_t kPage = RandomAccessFile::kMapAlignment;  // also the header's size
constexpr uint64_t kHashedBytes = uint64_t{256} << 10;       // that a thread hashes at a time
constexpr size_t kWrittenBytes = size_t{4} << 20;            // between two signs of progress
constexpr size_t kSyncedBytes = size_t{64} << 20;            // so that no later sync takes long

uint64_t RoundUp(uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// A part of a section.
struct Block {
  size_t section;
  uint64_t offset;  // in the section
  uint64_t file_offset;
  uint64_t bytes;
};

std::vector<Block> BlocksOf(const PackedPart& part) {
  std::vector<Block> blocks;
  uint64_t begin = kPage;
  for (size_t s = 0; s < part.section_bytes.size(); ++s) {
    for (uint64_t at = 0; at < part.section_bytes[s]; at += kHashedBytes) {
      blocks.push_back({s, at, begin + at, std::min(kHashedBytes, part.section_bytes[s] - at)});
    }
    begin += RoundUp(part.section_bytes[s]);
  }
  return blocks;
}

uint64_t FileBytes(const PackedPart& part) {
  uint64_t bytes = kPage;
  for (const size_t section : part.section_bytes) bytes += RoundUp(section);
  return bytes;
}

uint64_t HashOfHashes(const std::vector<uint64_t>& hashes) {
  return XXH3_64bits(hashes.data(), hashes.size() * sizeof(uint64_t));
}

std::string ChecksumLine(uint64_t checksum) {
  return absl::StrCat("checksum ", ToHex(checksum), "\n");
}

// Describes the first difference between a file's header and the wanted one.
std::string FirstDifference(const std::string& found, const std::string& wanted) {
  const std::vector<std::string> lines = absl::StrSplit(found, '\n');
  const std::vector<std::string> wanted_lines = absl::StrSplit(wanted, '\n');
  if (lines[0] != wanted_lines[0]) return "is no file of packed weights of this version";
  for (size_t i = 1; i < std::min(lines.size(), wanted_lines.size()); ++i) {
    if (lines[i] != wanted_lines[i]) {
      return absl::StrCat("has '", lines[i], "' where '", wanted_lines[i], "' is wanted");
    }
  }
  return "has a broken header";
}

}  // namespace

// A file whose header fits.
struct PackCache::Candidate {
  const PackedPart* part;
  std::unique_ptr<RandomAccessFile> file;
  std::string checksum_line;
  std::vector<Block> blocks;
  std::vector<uint64_t> hashes;  // of each block
  absl::Status status;

  absl::StatusOr<std::vector<Buffer>> MapSections() const {
    if (!status.ok()) return status;
    std::vector<Buffer> sections;
    uint64_t begin = kPage;
    for (const size_t bytes : part->section_bytes) {
      absl::StatusOr<Buffer> section = file->Map(begin, bytes);
      if (!section.ok()) return section.status();
      sections.push_back(*std::move(section));
      begin += RoundUp(bytes);
    }
    return sections;
  }
};

PackCache::PackCache(FileSystem& files, std::string directory, std::string model,
                     std::string formats)
    : files_(files),
      directory_(std::move(directory)),
      model_(std::move(model)),
      formats_(std::move(formats)) {}

std::string PackCache::PathOf(const PackedPart& part) const {
  const std::string name = absl::StrReplaceAll(part.name, {{" ", "-"}});
  return JoinPath(directory_, absl::StrCat(name, ".", formats_, ".packed"));
}

std::string PackCache::Header(const PackedPart& part) const {
  return absl::StrCat("octet packed weights ", kFormat, "\nlayout ", kPackedLayout, "\npart ",
                      part.name, "\nformats ", formats_, "\nmodel ", model_, "\nsections ",
                      absl::StrJoin(part.section_bytes, " "), "\n");
}

// Returns kNotFound if there is no file.
absl::StatusOr<PackCache::Candidate> PackCache::Open(const PackedPart& part) const {
  const std::string path = PathOf(part);
  if (!files_.Exists(path)) return absl::NotFoundError(path);
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files_.Open(path);
  if (!file.ok()) return file.status();
  std::string found(std::min((*file)->size(), kPage), '\0');
  const absl::Status status = (*file)->Read(0, std::as_writable_bytes(std::span(found)));
  if (!status.ok()) return status;
  found.resize(std::min(found.size(), found.find('\0')));

  const std::string wanted = Header(part);
  const auto broken = [&path](const std::string& how) {
    return absl::DataLossError(absl::StrCat(path, " ", how));
  };
  if (!absl::StartsWith(found, wanted)) return broken(FirstDifference(found, wanted));
  if ((*file)->size() != FileBytes(part)) {
    return broken(absl::StrCat("has ", (*file)->size(), " bytes instead of ", FileBytes(part)));
  }
  return Candidate{.part = &part,
                   .file = *std::move(file),
                   .checksum_line = found.substr(wanted.size()),
                   .blocks = BlocksOf(part),
                   .hashes = {},
                   .status = {}};
}

std::vector<std::vector<Buffer>> PackCache::Map(std::span<const PackedPart> parts, bool check,
                                                Backend& backend, LoadCounter& counter) {
  std::vector<Candidate> candidates;
  for (const PackedPart& part : parts) {
    absl::StatusOr<Candidate> candidate = Open(part);
    if (candidate.ok()) {
      candidates.push_back(*std::move(candidate));
    } else if (!absl::IsNotFound(candidate.status())) {
      Refuse(part, candidate.status());
    }
  }
  if (check) CheckContents(candidates, backend, counter);

  std::vector<std::vector<Buffer>> mapped(parts.size());
  for (const Candidate& candidate : candidates) {
    absl::StatusOr<std::vector<Buffer>> sections = candidate.MapSections();
    if (!sections.ok()) {
      Refuse(*candidate.part, sections.status());
      continue;
    }
    mapped[candidate.part - parts.data()] = *std::move(sections);
    mapped_.insert(candidate.part->name);
  }
  return mapped;
}

void PackCache::Refuse(const PackedPart& part, const absl::Status& status) {
  if (refused_.empty()) first_refusal_ = std::string(status.message());
  refused_.insert(part.name);
}

// Checks the contents by reads, not through the mapping: then a disk that fails gives an error
// instead of a signal.
void PackCache::CheckContents(std::vector<Candidate>& candidates, Backend& backend,
                              LoadCounter& counter) {
  std::vector<std::pair<Candidate*, size_t>> work;  // and the number of the block
  for (Candidate& candidate : candidates) {
    candidate.hashes.resize(candidate.blocks.size());
    for (size_t i = 0; i < candidate.blocks.size(); ++i) work.emplace_back(&candidate, i);
    for (const Block& block : candidate.blocks) counter.Expect(block.bytes);
  }
  std::mutex mutex;
  std::vector<std::vector<std::byte>> staging(backend.packer().num_threads());
  backend.packer().ForEach(std::ssize(work), [&](int thread, int64_t i) {
    auto [candidate, index] = work[i];
    const Block& block = candidate->blocks[index];
    staging[thread].resize(kHashedBytes);
    const std::span<std::byte> bytes = std::span(staging[thread]).first(block.bytes);
    const absl::Status status = candidate->file->Read(block.file_offset, bytes);
    candidate->hashes[index] = XXH3_64bits(bytes.data(), bytes.size());
    counter.Add(thread, block.bytes);
    if (status.ok()) return;
    const std::lock_guard lock(mutex);
    candidate->status.Update(status);
  });
  counter.Tell();
  for (Candidate& candidate : candidates) {
    if (candidate.checksum_line == ChecksumLine(HashOfHashes(candidate.hashes))) continue;
    candidate.status.Update(
        absl::DataLossError(absl::StrCat(candidate.file->path(), " is damaged")));
  }
}

void PackCache::Keep(const PackedPart& part, std::span<const std::span<const std::byte>> sections,
                     Backend& backend) {
  if (!write_status_.ok()) return;
  write_status_ = files_.MakeDirectories(directory_);
  if (!write_status_.ok()) return;
  // The lock file stays: a process that waits for a removed one would not see the next.
  const absl::StatusOr<std::unique_ptr<FileLock>> lock = files_.Lock(PathOf(part) + ".lock");
  if (absl::IsUnavailable(lock.status())) return;
  write_status_ = lock.status();
  const bool made_meanwhile = !refused_.contains(part.name) && Open(part).ok();
  if (!write_status_.ok() || made_meanwhile) return;
  write_status_ = MakeFile(part, sections, backend);
}

absl::Status PackCache::MakeFile(const PackedPart& part,
                                 std::span<const std::span<const std::byte>> sections,
                                 Backend& backend) {
  const std::vector<Block> blocks = BlocksOf(part);
  std::vector<uint64_t> hashes(blocks.size());
  backend.packer().ForEach(std::ssize(blocks), [&](int, int64_t i) {
    const Block& block = blocks[i];
    hashes[i] = XXH3_64bits(sections[block.section].data() + block.offset, block.bytes);
  });
  const std::string header = Header(part) + ChecksumLine(HashOfHashes(hashes));
  const std::string path = PathOf(part);
  const std::string fresh = path + ".new";
  absl::StatusOr<std::unique_ptr<OutputStream>> file = files_.CreateOutput(fresh);
  if (!file.ok()) return file.status();
  absl::Status status = Write(**file, header, sections);
  if (status.ok()) status = (*file)->Close();
  if (status.ok()) status = files_.Rename(fresh, path);
  if (status.ok()) status = files_.Sync(directory_);
  if (!status.ok()) files_.Remove(fresh).IgnoreError();  // a full disk needs the room
  if (status.ok()) bytes_kept_ += FileBytes(part);
  return status;
}

absl::Status PackCache::Write(OutputStream& file, const std::string& header,
                              std::span<const std::span<const std::byte>> sections) {
  std::string page = header;
  page.resize(kPage, '\0');
  absl::Status status = file.Write(std::as_bytes(std::span(page)));
  const std::string zeros(kPage, '\0');
  size_t at = kPage;  // in the file
  for (std::span<const std::byte> section : sections) {
    const size_t padding = RoundUp(section.size()) - section.size();
    while (!section.empty() && status.ok()) {
      // Ends where the page cache may have a huge page begin.
      const auto piece =
          section.first(std::min(kWrittenBytes - at % kWrittenBytes, section.size()));
      section = section.subspan(piece.size());
      at += piece.size();
      status = file.Write(piece);
      if (status.ok() && at % kSyncedBytes == 0) status = file.Sync();
      Activity::OfThisThread().Tick();
    }
    if (status.ok()) status = file.Write(std::as_bytes(std::span(zeros)).first(padding));
    at += padding;
  }
  return status;
}

std::vector<std::string> PackCache::TakeNotes() {
  std::vector<std::string> notes;
  if (!refused_.empty()) {
    notes.push_back(absl::StrCat(first_refusal_, "; ", refused_.size(),
                                 refused_.size() == 1 ? " part is" : " parts are",
                                 " read from the model instead"));
  }
  if (!write_status_.ok()) {
    notes.push_back(
        absl::StrCat("packed weights are not kept: ", std::string(write_status_.message())));
  }
  refused_.clear();
  write_status_ = absl::OkStatus();
  return notes;
}

}  // namespace octet
