#include "runtime/trace/trace_file.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "kernels/base/activity.h"
#include "runtime/trace/trace_check.h"
#include "runtime/trace/trace_reader.h"

namespace octet {
namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;

absl::Status CompareModels(const TraceHeader& there, const TraceHeader& ours) {
  if (there.model() == ours.model() && HaveSameShape(there, ours)) return absl::OkStatus();
  return absl::FailedPreconditionError("is a trace of another model; --overwrite replaces it");
}

}  // namespace

absl::Status TraceFile::OfFlag(const absl::Status& status) const {
  if (status.ok()) return status;
  return {status.code(), absl::StrCat("--trace ", path_, ": ", std::string(status.message()))};
}

absl::StatusOr<std::unique_ptr<TraceFile>> TraceFile::Look(FileSystem& files,
                                                           const std::string& path,
                                                           TraceStart start, TraceHeader header,
                                                           std::vector<std::string>& notes) {
  const absl::StatusOr<std::string> resolved = files.Resolve(path);
  if (!resolved.ok()) return resolved.status();
  std::unique_ptr<TraceFile> trace(new TraceFile(files, *resolved, std::move(header)));
  absl::Status status;
  if (!path.ends_with(".zst")) {
    status = absl::InvalidArgumentError("its name must end in .zst, as it is compressed");
  } else if (!files.IsDirectory(DirectoryOf(*resolved))) {
    status = absl::NotFoundError(absl::StrCat("there is no directory ", DirectoryOf(*resolved)));
  } else if (files.Exists(*resolved) && !files.IsFile(*resolved)) {
    status = absl::InvalidArgumentError("is no file");
  } else if (files.Exists(*resolved)) {
    status = trace->LookAtTrace(start, notes);
  } else if (start == TraceStart::kResume) {
    notes.push_back(absl::StrCat("--trace ", *resolved,
                                 ": is not there; what earlier attempts did is not in it"));
  }
  if (status.ok()) status = files.RehearseRename(DirectoryOf(*resolved), *resolved);
  if (!status.ok()) return trace->OfFlag(status);
  return trace;
}

absl::Status TraceFile::LookAtTrace(TraceStart start, std::vector<std::string>& notes) {
  if (start == TraceStart::kNew) {
    return absl::AlreadyExistsError(
        "is there already; --overwrite replaces it, --resume goes on with it");
  }
  replaces_ = true;
  if (start == TraceStart::kOverwrite) return absl::OkStatus();
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files_, path_);
  if (!reader.ok()) return reader.status();
  while (true) {
    const absl::StatusOr<const TraceRecord*> record = reader->Next();
    if (!record.ok()) {
      return absl::DataLossError(
          absl::StrCat(std::string(record.status().message()), "; --overwrite begins it anew"));
    }
    if (*record == nullptr) break;
    if (!(*record)->has_header()) continue;
    absl::Status same = CompareModels((*record)->header(), header_);
    if (!same.ok()) return same;
  }
  kept_bytes_ = reader->whole_bytes();
  if (reader->torn_bytes() == 0) return absl::OkStatus();
  notes.push_back(absl::StrCat("--trace ", path_, ": the last ", reader->torn_bytes(),
                               " bytes are no whole block, and are dropped"));
  return absl::OkStatus();
}

absl::Status TraceFile::CopyKept(OutputStream& to) {
  if (kept_bytes_ == 0) return absl::OkStatus();
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> from = files_.Open(path_);
  if (!from.ok()) return from.status();
  std::vector<std::byte> bytes;
  for (uint64_t at = 0; at < kept_bytes_; at += bytes.size()) {
    bytes.resize(std::min<uint64_t>(kCopyBytes, kept_bytes_ - at));
    absl::Status status = (*from)->Read(at, bytes);
    if (status.ok()) status = to.Write(bytes);
    if (!status.ok()) return status;
    Activity::OfThisThread().Tick();
  }
  return absl::OkStatus();
}

absl::Status TraceFile::Begin() {
  absl::StatusOr<std::unique_ptr<OutputStream>> file =
      replaces_ ? files_.CreateScratch(path_) : files_.CreateNew(path_);
  if (!file.ok()) return OfFlag(file.status());
  const std::string name = (*file)->path();
  absl::Status status = CopyKept(**file);
  if (status.ok()) {
    writer_.emplace(*std::move(file));
    writer_->AddHeader(header_);
    status = writer_->EndBlock();
  }
  if (status.ok()) status = writer_->Sync();
  if (status.ok() && replaces_) status = files_.Rename(name, path_);
  if (status.ok()) return OfFlag(files_.Sync(DirectoryOf(path_)));
  files_.Remove(name).IgnoreError();
  return OfFlag(status);
}

void TraceFile::SetPlacement(const ExpertPlacement& placement) {
  TraceHeader header = header_;
  header.set_continues(true);
  *header.mutable_placement() = placement.ToProto();
  writer_->AddHeader(header);
}

void TraceFile::Add(StepRouting& step) {
  if (status_.ok()) status_ = OfFlag(writer_->AddStep(step));
}

absl::Status TraceFile::Write(bool all) {
  if (status_.ok() && all) status_ = OfFlag(writer_->EndBlock());
  return status_;
}

absl::Status TraceFile::Sync() { return writer_ ? OfFlag(writer_->Sync()) : absl::OkStatus(); }

absl::Status TraceFile::Close() {
  absl::Status status = Write(/*all=*/true);
  return status.ok() ? OfFlag(writer_->Close()) : status;
}

}  // namespace octet
