#include "launch/console/rank_progress.h"

#include <string>
#include <utility>

#include "parallel/transport/agreement.h"

namespace octet {

absl::StatusOr<std::unique_ptr<RankProgress>> RankProgress::Make(Communicator& world,
                                                                 const RunConfig& config) {
  std::unique_ptr<RankProgress> made(new RankProgress);
  const bool speaks = world.rank() == 0;
  // A bar would be among the answers on the same terminal.
  const bool among_answers = config.progress() == "auto" && config.output() == "-";
  const std::string setting = !speaks ? "none" : among_answers ? "plain" : config.progress();
  absl::StatusOr<std::unique_ptr<Progress>> progress = MakeProgress(setting, made->terminal_);
  const absl::Status status = AgreeOnStatus(world, progress.status());
  if (!status.ok()) return status;
  made->progress_ = *std::move(progress);
  return made;
}

}  // namespace octet
