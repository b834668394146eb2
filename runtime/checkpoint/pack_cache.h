// A cache of packed weights in files. Later starts map the files instead of packing again.

#ifndef OCTET_RUNTIME_CHECKPOINT_PACK_CACHE_H_
#define OCTET_RUNTIME_CHECKPOINT_PACK_CACHE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/buffer.h"
#include "runtime/checkpoint/load_progress.h"
#include "runtime/io/file.h"

namespace octet {

// The weights in one file: all replicated weights, or one expert of one layer. So the files serve
// any placement and number of ranks.
struct PackedPart {
  std::string name;                   // "layer 3 expert 5"
  std::vector<size_t> section_bytes;  // each section is mapped by itself
};

// A directory of such files, as one rank uses it. A file begins with a page of text, which names
// its contents and their source, with a checksum. The sections follow; each begins a new page:
//
//   octet packed weights 1
//   layout 1
//   part layer 3 expert 5
//   formats bfloat16
//   model 0123456789abcdef
//   sections 58720256 29360128
//   checksum 0123456789abcdef
//
// A file gets its name when it is whole and durable. A fault of the cache is never an error of the
// job: it becomes a note, and the weights come from the checkpoint.
class PackCache {
 public:
  // `model` identifies the source of the weights: different models must have different values.
  // `formats` names the formats of packed weights, as a part of file names. `files` must outlive
  // this object.
  PackCache(FileSystem& files, std::string directory, std::string model, std::string formats);

  // Maps the sections of each part, read-only; none if no file fits. With `check`, reads their
  // contents and compares them with the checksum.
  std::vector<std::vector<Buffer>> Map(std::span<const PackedPart> parts, bool check,
                                       Backend& backend, LoadCounter& counter);

  // Returns whether Map returned the part.
  bool has(const std::string& part) const { return mapped_.contains(part); }

  // Makes the part's file, unless another process has made it meanwhile or is making it.
  void Keep(const PackedPart& part, std::span<const std::span<const std::byte>> sections,
            Backend& backend);

  uint64_t bytes_kept() const { return bytes_kept_; }  // of the files that this object made

  // Returns notes, one sentence each, about files that did not fit or could not be written.
  std::vector<std::string> TakeNotes();

 private:
  std::string PathOf(const PackedPart& part) const;
  std::string Header(const PackedPart& part) const;
  struct Candidate;
  absl::StatusOr<Candidate> Open(const PackedPart& part) const;
  void Refuse(const PackedPart& part, const absl::Status& status);
  void CheckContents(std::vector<Candidate>& candidates, Backend& backend, LoadCounter& counter);
  absl::Status MakeFile(const PackedPart& part,
                        std::span<const std::span<const std::byte>> sections, Backend& backend);
  absl::Status Write(OutputStream& file, const std::string& header,
                     std::span<const std::span<const std::byte>> sections);

  FileSystem& files_;
  std::string directory_;
  std::string model_;
  std::string formats_;
  std::set<std::string> mapped_;   // names of parts
  std::set<std::string> refused_;  // those whose files have wrong contents
  std::string first_refusal_;
  uint64_t bytes_kept_ = 0;
  absl::Status write_status_;  // of the first write that failed; nothing is written after it
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_PACK_CACHE_H_
