// An index of what earlier attempts did.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_INDEX_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_INDEX_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "runtime/batch/batch_output.h"
#include "runtime/batch/fault_note.h"
#include "runtime/batch/journal_reader.h"
#include "runtime/io/file.h"

namespace octet {

// The places of the results in all parts of a journal, in 8 bytes each, and the facts that are
// known about results of earlier attempts.
class JournalIndex {
 public:
  // The place of a record.
  struct Place {
    size_t part;      // in parts()
    uint64_t offset;  // bytes
  };

  // Adds the part of an earlier attempt. `check` says whether it belongs to this job. Leaves out
  // damaged records, and adds a note about them.
  absl::Status ReadPart(FileSystem& files, const std::string& directory, const std::string& name,
                        const std::function<absl::Status(const JournalHeader&)>& check,
                        const std::function<void()>& advance, std::vector<std::string>& notes);

  // Adds an earlier result, unless there is one.
  void AddEarlier(const BatchResult& result, Place place);

  // Begins the part that is being written, and adds its results.
  void BeginPart(const std::string& name) { parts_.push_back(name); }
  void AddResult(int64_t number, uint64_t offset) { Set(number, {parts_.size() - 1, offset}); }

  // Forgets the results of earlier attempts that are errors, and all faults.
  void ForgetFailures();

  const std::vector<std::string>& parts() const { return parts_; }
  std::optional<Place> Find(int64_t number) const;
  std::optional<EarlierResult> FindEarlier(int64_t number) const;
  EarlierFaults FaultsOf(int64_t number) const;

  // Returns the number after the greatest that has ever had a result.
  int64_t end() const { return std::ssize(locations_); }

  // The results that earlier attempts left, and those of them that were forgotten.
  int64_t num_earlier() const { return num_earlier_; }
  int64_t num_forgotten() const { return num_forgotten_; }
  uint64_t earlier_bytes() const { return earlier_bytes_; }  // of those results' texts
  bool has_damaged_part() const { return has_damaged_part_; }

 private:
  using Location = uint64_t;  // the index of the part, above 48 bits of offset
  static constexpr int kOffsetBits = 48;
  static constexpr Location kMissing = ~Location{0};

  absl::StatusOr<JournalReader> AddPart(FileSystem& files, const std::string& directory,
                                        const std::string& name);
  bool IsPlausible(const JournalRecord& record) const;
  absl::Status UseRecord(const JournalRecord& record, Place place,
                         const std::function<absl::Status(const JournalHeader&)>& check,
                         absl::flat_hash_set<int64_t>& in_flight);
  absl::Status CountFault(FileSystem& files, const std::string& path,
                          const absl::flat_hash_set<int64_t>& in_flight);
  void Set(int64_t number, Place place);

  std::vector<std::string> parts_;      // names
  std::vector<Location> locations_;     // by number
  std::vector<EarlierResult> earlier_;  // by number, valid if there is a location
  uint64_t bytes_of_parts_ = 0;
  int64_t num_earlier_ = 0;
  int64_t num_forgotten_ = 0;
  uint64_t earlier_bytes_ = 0;
  bool has_damaged_part_ = false;
  absl::flat_hash_map<int64_t, EarlierFaults> faults_;  // by number
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_INDEX_H_
