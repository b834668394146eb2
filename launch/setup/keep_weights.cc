#include "launch/setup/keep_weights.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <map>
#include <utility>

#include "kernels/base/activity.h"
#include "kernels/base/check.h"
#include "launch/console/console.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "runtime/batch/job_identity.h"
#include "runtime/io/fingerprint.h"

namespace octet {
namespace {

absl::Status CheckIsInMemory(const std::string& directory) {
  struct statfs info {};
  if (statfs(directory.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("--keep-weights ", directory));
  }
  if (info.f_type == TMPFS_MAGIC) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--keep-weights ", directory,
      ": is no tmpfs, whose files lie in memory; --pack-cache keeps weights on disks"));
}

// What a host's first rank tells the others.
struct HostAnswer {
  int64_t bytes = 0;
  std::string why_not;  // empty if weights stay
};

std::string ToText(const HostAnswer& answer) {
  return absl::StrCat(answer.bytes, " ", answer.why_not);
}

HostAnswer FromText(const std::string& text) {
  const std::vector<std::string> fields = absl::StrSplit(text, absl::MaxSplits(' ', 1));
  HostAnswer answer;
  OCTET_CHECK(fields.size() == 2 && absl::SimpleAtoi(fields[0], &answer.bytes)) << text;
  answer.why_not = fields[1];
  return answer;
}

}  // namespace

absl::Status CheckKeepWeights(const RunConfig& config) {
  if (config.keep_weights().empty()) return absl::OkStatus();
  if (!config.pack_cache().empty()) {
    return absl::InvalidArgumentError(
        "--keep-weights has no effect with --pack-cache, whose files are mapped");
  }
  if (config.device() == "cpu") return absl::OkStatus();
  return absl::InvalidArgumentError("--keep-weights is for --device cpu");
}

absl::StatusOr<std::string> NameOfWeights(const RunConfig& config, const ModelFiles& model,
                                          FileSystem& files) {
  JobIdentity identity;
  identity.set_model(model.fingerprint);
  if (!config.random_weights()) {
    const absl::Status status = IdentifyModel(
        files, config.model(), /*read_contents=*/false, [] { Activity::OfThisThread().Tick(); },
        identity);
    if (!status.ok()) return status;
  }
  const std::string text = identity.ShortDebugString();
  Fingerprint fingerprint;
  fingerprint.Add(text);
  return fingerprint.ToHex();
}

std::string NameOfPackedFormats(const ModelFiles& model, DType dtype) {
  const bool quantised = !model.tensors.QuantisedFormats().empty();
  return absl::StrCat(quantised ? NameOfFormats(model.tensors) + "+" : "", Name(dtype));
}

absl::StatusOr<HostWeights> OpenHostWeights(Communicator& world, const RunConfig& config,
                                            const ModelFiles& model, DType dtype, FileSystem& files,
                                            std::vector<std::string>& warnings) {
  if (config.keep_weights().empty()) return HostWeights();
  const absl::StatusOr<std::string> name = NameOfWeights(config, model, files);
  absl::Status status = name.status();
  if (status.ok()) status = CheckIsInMemory(config.keep_weights());
  status = AgreeOnStatus(world, status);
  if (!status.ok()) return status;

  const HostTopology hosts = FindHosts(world);
  HostWeights weights;
  weights.leads = hosts.index_on_host(world.rank()) == 0;
  weights.kept = std::make_unique<KeptWeights>(
      files, config.keep_weights(), absl::StrCat(*name, " ", NameOfPackedFormats(model, dtype)),
      world.rank());
  HostAnswer mine;
  if (weights.leads) {
    const absl::Status claimed = config.dry_run() ? absl::OkStatus() : weights.kept->Claim();
    if (claimed.ok()) mine.bytes = static_cast<int64_t>(weights.kept->bytes());
    mine.why_not = std::string(claimed.message());
  }
  const std::vector<std::string> all = AllGather(world, {"kept weights"}, ToText(mine));
  for (int r = 0; r < world.size(); ++r) {
    if (hosts.index_on_host(r) > 0) continue;
    const std::string why_not = FromText(all[r]).why_not;
    if (why_not.empty()) {
      weights.directory = weights.kept->directory();
    } else {
      warnings.push_back(absl::StrCat("no weights stay on ", world.hosts()[r], ": ", why_not));
    }
  }
  const HostAnswer answer = FromText(all[GroupOf(hosts, world.rank()).ranks[0]]);
  weights.bytes = answer.bytes;
  if (!answer.why_not.empty()) weights.kept.reset();
  return weights;
}

void SayWhereWeightsStay(const Communicator& world, const HostWeights& weights) {
  if (weights.directory.empty()) return;
  Say(world, absl::StrCat("keeps the weights of each host in ", weights.directory,
                          " until the job is done"));
}

void NoteHostWeights(Communicator& world, const RunConfig& config, const HostWeights& weights) {
  if (config.keep_weights().empty()) return;
  const bool keeps = weights.kept != nullptr;
  const std::vector<std::string> notes = GatherToRoot(
      world, {"kept weights"}, keeps ? absl::StrJoin(weights.kept->TakeNotes(), "\n") : "");
  if (world.rank() != 0) return;
  for (int r = 0; r < world.size(); ++r) {
    for (const absl::string_view note : absl::StrSplit(notes[r], '\n', absl::SkipEmpty())) {
      Say(world, absl::StrCat("note: rank ", r, " on ", world.hosts()[r], ": ", note));
    }
  }
}

}  // namespace octet
