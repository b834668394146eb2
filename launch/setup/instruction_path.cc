#include "launch/setup/instruction_path.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>

#include "kernels/cpu/isa.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "runtime/io/strict_json.h"

namespace octet {

absl::StatusOr<Isa> ChooseIsa(Communicator& comm, const std::string& wanted,
                              std::vector<std::string>& warnings) {
  const std::vector<Isa> mine = SupportedIsas();
  absl::Status status;
  if (mine.empty()) status = absl::UnimplementedError("this processor has no AVX2 with FMA");
  const std::optional<Isa> named = ParseIsa(wanted);
  if (wanted != "auto" && !named) {
    status = absl::InvalidArgumentError(
        absl::StrCat("--isa ", Quoted(wanted), ": must be auto, avx2, avx512, avx512_bf16 or amx"));
  } else if (named && std::find(mine.begin(), mine.end(), *named) == mine.end()) {
    status = absl::FailedPreconditionError(
        absl::StrCat("--isa ", wanted, ": this processor does not have it; its best is ",
                     mine.empty() ? "none" : Name(mine.back())));
  }
  status = AgreeOnStatus(comm, status);
  if (!status.ok()) return status;
  if (named) return *named;
  const std::vector<std::string> all = AllGather(comm, {"instruction path"}, Name(mine.back()));
  Isa best = mine.back();
  for (const std::string& name : all) best = std::min(best, *ParseIsa(name));
  for (int r = 0; r < comm.size(); ++r) {
    if (all[r] == Name(best)) continue;
    warnings.push_back(absl::StrCat("rank ", r, " on ", comm.hosts()[r], " could use ", all[r],
                                    "; all ranks use ", Name(best)));
  }
  return best;
}

}  // namespace octet
