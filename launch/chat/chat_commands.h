// The commands of a conversation: lines that begin with a slash.

#ifndef OCTET_LAUNCH_CHAT_CHAT_COMMANDS_H_
#define OCTET_LAUNCH_CHAT_CHAT_COMMANDS_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace octet {

enum class ChatVerb { kHelp, kReset, kDrop, kSystem, kSet, kShow, kSave, kLoad, kExit };

struct ChatCommand {
  ChatVerb verb;
  std::string argument;  // what follows the first word, without spaces around it
};

// Returns whether a message is a command.
bool IsChatCommand(std::string_view message);

// Errors name the command, and say what to do.
absl::StatusOr<ChatCommand> ParseChatCommand(std::string_view message);

// Returns the text of /help.
std::string ChatHelp();

// Returns the ways in which the last word of a line may go on: a command, or a field after /set.
// Each is the whole word.
std::vector<std::string> CompleteChatLine(std::string_view line);

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_CHAT_COMMANDS_H_
