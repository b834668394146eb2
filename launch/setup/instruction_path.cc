#include "launch/setup/instruction_path.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <optional>

#include "kernels/base/check.h"
#include "kernels/cpu/isa.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

std::vector<std::vector<Isa>> GatherIsas(Communicator& comm, const std::vector<Isa>& mine) {
  const auto add_name = [](std::string* text, Isa isa) { text->append(Name(isa)); };
  std::vector<std::vector<Isa>> all;
  for (const std::string& names :
       AllGather(comm, {"instruction paths"}, absl::StrJoin(mine, ",", add_name))) {
    std::vector<Isa>& isas = all.emplace_back();
    for (const std::string& name : std::vector<std::string>(absl::StrSplit(names, ','))) {
      isas.push_back(*ParseIsa(name));
    }
  }
  return all;
}

}  // namespace

absl::StatusOr<Isa> ChooseIsa(Communicator& comm, const std::string& wanted,
                              std::vector<std::string>& warnings) {
  const std::vector<Isa> mine = SupportedIsas();
  absl::Status status;
  if (mine.empty()) status = absl::UnimplementedError("this processor has no AVX2 with FMA");
  const std::optional<Isa> named = ParseIsa(wanted);
  if (wanted != "auto" && !named) {
    status = absl::InvalidArgumentError(
        absl::StrCat("--isa ", Quoted(wanted), ": must be one of auto, ", IsaNames()));
  } else if (named && std::find(mine.begin(), mine.end(), *named) == mine.end()) {
    status = absl::FailedPreconditionError(
        absl::StrCat("--isa ", wanted, ": this processor does not have it; its best is ",
                     mine.empty() ? "none" : Name(mine.back())));
  }
  status = AgreeOnStatus(comm, status);
  if (!status.ok()) return status;
  if (named) return *named;
  const std::vector<std::vector<Isa>> all = GatherIsas(comm, mine);
  const std::optional<Isa> best = BestCommonIsa(all);
  OCTET_CHECK(best.has_value());  // all have AVX2
  for (int r = 0; r < comm.size(); ++r) {
    if (all[r].back() == *best) continue;
    warnings.push_back(absl::StrCat("rank ", r, " on ", comm.hosts()[r], " could use ",
                                    Name(all[r].back()), "; all ranks use ", Name(*best)));
  }
  return *best;
}

}  // namespace octet
