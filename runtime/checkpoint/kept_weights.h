// Packed weights that stay in a host's memory between the attempts of a job.

#ifndef OCTET_RUNTIME_CHECKPOINT_KEPT_WEIGHTS_H_
#define OCTET_RUNTIME_CHECKPOINT_KEPT_WEIGHTS_H_

#include <absl/status/status.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernels/base/buffer.h"
#include "runtime/checkpoint/pack_cache.h"
#include "runtime/io/file.h"

namespace octet {

// The weights of one model as files of a tmpfs, which outlive the processes that map them:
//
//   ROOT/octet-UID/0123456789abcdef/   by the source of the weights; nobody else may look into it
//     lock                             of the job that uses them
//     layer-3-expert-5                 a PackedPart, whole
//     layer-3-expert-6.2.new           one that rank 2 has begun to fill
//
// Weights are computed with where they lie: nothing is copied. A part has its name when it is
// whole; what a fault leaves half filled is removed by the next job. Memory has no faults of disks,
// so contents are not read again. What can't be kept becomes a note.
class KeptWeights {
 public:
  // root: a directory of a tmpfs. source: what the bytes follow from, beside the layout of packed
  // weights. rank: of this process. `files` must outlive this object.
  KeptWeights(FileSystem& files, const std::string& root, const std::string& source, int rank);

  const std::string& directory() const { return directory_; }

  // Makes the directory and locks it until this object is gone, for all ranks of the host. Removes
  // what is not whole. One rank of a host calls it, before any of them looks for parts.
  absl::Status Claim();

  uint64_t bytes() const;  // of the memory that the files take

  // Frees the parts that are not among these.
  void KeepOnly(const std::set<std::string>& names);

  // Returns the part's file, or an empty path if it is not there.
  std::string Find(const PackedPart& part) const;

  // Returns memory for each section of a part that is to be filled; none if there is no room.
  std::vector<Buffer> Make(const PackedPart& part);
  std::string PathOfMade(const PackedPart& part) const;

  // Maps the sections of a part; none if it is not there.
  std::vector<Buffer> Map(const PackedPart& part);

  // What was made is whole now.
  void Seal();

  // Frees a part as soon as no process maps it.
  void Forget(const std::string& name);

  // Frees all parts in the same way.
  void Remove();

  // Returns notes, one sentence each.
  std::vector<std::string> TakeNotes();

 private:
  std::string PathOf(const std::string& name) const;
  std::string FreshPathOf(const std::string& name) const;
  void Note(const std::string& what);

  FileSystem& files_;
  std::string parent_;
  std::string directory_;
  int rank_;
  std::unique_ptr<FileLock> lock_;
  std::vector<std::string> made_;  // names, until they are whole
  int num_without_room_ = 0;
  std::string first_note_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_KEPT_WEIGHTS_H_
