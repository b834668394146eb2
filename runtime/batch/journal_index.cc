#include "runtime/batch/journal_index.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/text_format.h>

#include "kernels/base/check.h"
#include "runtime/batch/journal_files.h"

namespace octet {
namespace {

// The bytes of the shortest record of a result.
constexpr uint64_t kLeastRecordBytes = 45;

// A bound far above the number of requests that can be under way at once.
constexpr uint64_t kMostUnderWay = uint64_t{1} << 20;

// The records of a part that cannot be used.
class Damage {
 public:
  void Add(uint64_t offset) {
    if (num_ == 0) first_ = offset;
    ++num_;
  }

  // Describes the damage. Bytes at the very end do not count: they were being written when the
  // attempt was killed.
  std::optional<std::string> Describe(const JournalReader& reader, uint64_t whole_end) const {
    std::string text;
    if (num_ > 0) {
      absl::StrAppend(&text, num_, num_ == 1 ? " record is" : " records are", " damaged",
                      num_ == 1 ? ", at byte " : ", the first at byte ", first_);
    }
    if (whole_end < reader.size()) {
      absl::StrAppend(&text, text.empty() ? "" : ", and ", "the last ", reader.size() - whole_end,
                      " bytes are no whole records");
    }
    if (text.empty()) return std::nullopt;
    return absl::StrCat(reader.path(), ": ", text, "; their work is done again");
  }

 private:
  int64_t num_ = 0;
  uint64_t first_ = 0;
};

}  // namespace

absl::StatusOr<JournalReader> JournalIndex::AddPart(FileSystem& files, const std::string& directory,
                                                    const std::string& name) {
  constexpr size_t kMostParts = (size_t{1} << (64 - kOffsetBits)) - 2;
  const std::string path = JoinPath(directory, name);
  // Its process may have died before its last results were durable. Here they count as done.
  const absl::Status synced = files.Sync(path);
  if (!synced.ok()) return synced;
  absl::StatusOr<JournalReader> reader = JournalReader::Open(files, path);
  if (!reader.ok()) return reader;
  parts_.push_back(name);
  if (parts_.size() > kMostParts) {
    return absl::ResourceExhaustedError(absl::StrCat(directory, ": has too many parts"));
  }
  bytes_of_parts_ += reader->size();
  return reader;
}

absl::Status JournalIndex::ReadPart(FileSystem& files, const std::string& directory,
                                    const std::string& name,
                                    const std::function<absl::Status(const JournalHeader&)>& check,
                                    const std::function<void()>& advance,
                                    std::vector<std::string>& notes) {
  absl::StatusOr<JournalReader> reader = AddPart(files, directory, name);
  if (!reader.ok()) return reader.status();
  const std::string path = JoinPath(directory, name);
  const size_t part = parts_.size() - 1;
  absl::flat_hash_set<int64_t> in_flight;
  Damage damage;
  uint64_t whole_end = 0;
  for (uint64_t at = 0; at < reader->size();) {
    const absl::StatusOr<std::optional<JournalRecord>> record = reader->Read(at);
    if (!record.ok()) return record.status();
    const bool is_whole = *record &&
                          (at == 0) == ((*record)->kind == JournalRecord::Kind::kHeader) &&
                          IsPlausible(**record);
    const absl::StatusOr<uint64_t> next = is_whole ? reader->next() : reader->Skip(at);
    if (!next.ok()) return next.status();
    if (is_whole) {
      absl::Status status = UseRecord(**record, {part, at}, check, in_flight);
      if (absl::IsDataLoss(status)) {
        return absl::DataLossError(absl::StrCat(path, ": ", std::string(status.message())));
      }
      if (!status.ok()) return status;
      whole_end = *next;
    } else if (*next < reader->size()) {
      if (at == 0) {  // all checksums depend on it
        has_damaged_part_ = true;
        notes.push_back(absl::StrCat(path, ": its header is damaged, so that nothing of its ",
                                     reader->size(),
                                     " bytes can be used; their work is done again"));
        return absl::OkStatus();
      }
      damage.Add(at);
    }
    at = *next;
    advance();
  }
  if (const auto note = damage.Describe(*reader, whole_end)) notes.push_back(*note);
  return CountFault(files, JoinPath(directory, CrashName(name)), in_flight);
}

// Checks a record's number. Results are made roughly in their order: all before one are under way
// or have records, which may be damaged. A number beyond that would only waste memory.
bool JournalIndex::IsPlausible(const JournalRecord& record) const {
  return record.kind != JournalRecord::Kind::kResult ||
         static_cast<uint64_t>(record.result.number) <
             bytes_of_parts_ / kLeastRecordBytes + kMostUnderWay;
}

// Counts a fault. A rank that reads a line does nothing else. Otherwise any request in flight may
// have caused it. An empty note says nothing: the launcher killed the rank before it wrote.
absl::Status JournalIndex::CountFault(FileSystem& files, const std::string& path,
                                      const absl::flat_hash_set<int64_t>& in_flight) {
  if (!files.Exists(path)) return absl::OkStatus();
  const absl::StatusOr<std::string> text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  if (text->empty()) return absl::OkStatus();
  const FaultNote note = FaultNote::Parse(*text);
  if (note.reading) {
    faults_[*note.reading].Add(note);
    return absl::OkStatus();
  }
  for (const int64_t number : in_flight) faults_[number].Add(note);
  return absl::OkStatus();
}

absl::Status JournalIndex::UseRecord(const JournalRecord& record, Place place,
                                     const std::function<absl::Status(const JournalHeader&)>& check,
                                     absl::flat_hash_set<int64_t>& in_flight) {
  JournalHeader header;
  switch (record.kind) {
    case JournalRecord::Kind::kHeader:
      if (!google::protobuf::TextFormat::ParseFromString(record.text, &header)) {
        return absl::DataLossError("was written by another version of octet");
      }
      if (header.retry_failed()) ForgetFailures();
      return check(header);
    case JournalRecord::Kind::kStarted:
      in_flight.insert(record.numbers.begin(), record.numbers.end());
      break;
    case JournalRecord::Kind::kResult:
      in_flight.erase(record.result.number);
      AddEarlier(record.result, place);
      break;
    case JournalRecord::Kind::kEnded:
      break;
  }
  return absl::OkStatus();
}

void JournalIndex::Set(int64_t number, Place place) {
  OCTET_CHECK(place.offset >> kOffsetBits == 0) << place.offset;
  if (number >= std::ssize(locations_)) locations_.resize(number + 1, kMissing);
  locations_[number] = (Location{place.part} << kOffsetBits) | place.offset;
}

// Adds an earlier result. Two attempts that did not know of each other may have done the same
// request, with equal results.
void JournalIndex::AddEarlier(const BatchResult& result, Place place) {
  if (Find(result.number)) return;
  Set(result.number, place);
  earlier_.resize(locations_.size());
  earlier_[result.number] = {result.answered, result.line_hash, result.custom_id_hash};
  earlier_bytes_ += result.text.size() + 1;
  ++num_earlier_;
}

void JournalIndex::ForgetFailures() {
  faults_.clear();
  for (int64_t number = 0; number < std::ssize(earlier_); ++number) {
    if (locations_[number] == kMissing || earlier_[number].answered) continue;
    locations_[number] = kMissing;
    --num_earlier_;
    ++num_forgotten_;
  }
}

std::optional<JournalIndex::Place> JournalIndex::Find(int64_t number) const {
  if (number >= std::ssize(locations_) || locations_[number] == kMissing) return std::nullopt;
  const Location location = locations_[number];
  return Place{location >> kOffsetBits, location & ((Location{1} << kOffsetBits) - 1)};
}

std::optional<EarlierResult> JournalIndex::FindEarlier(int64_t number) const {
  if (number >= std::ssize(earlier_) || locations_[number] == kMissing) return std::nullopt;
  return earlier_[number];
}

EarlierFaults JournalIndex::FaultsOf(int64_t number) const {
  const auto found = faults_.find(number);
  return found == faults_.end() ? EarlierFaults() : found->second;
}

}  // namespace octet
