// octet replay: what a recorded routing would do on a cluster.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddReplay(CommandLine& program);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_H_
