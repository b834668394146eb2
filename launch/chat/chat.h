// octet chat: a conversation with a model.

#ifndef OCTET_LAUNCH_CHAT_CHAT_H_
#define OCTET_LAUNCH_CHAT_CHAT_H_

#include <memory>

#include "launch/process/stop_signals.h"
#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddChat(CommandLine& parent, StopSignals& signals);

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_CHAT_H_
