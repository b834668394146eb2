// A conversation from its first prompt to its end, on rank 0.

#ifndef OCTET_LAUNCH_CHAT_CHAT_LOOP_H_
#define OCTET_LAUNCH_CHAT_CHAT_LOOP_H_

#include <absl/status/status.h>

#include <functional>
#include <set>
#include <string>

#include "launch/chat/answerer.h"
#include "launch/chat/chat_commands.h"
#include "launch/chat/chat_console.h"
#include "launch/chat/dialogue.h"
#include "runtime/io/file.h"

namespace octet {

// The parts of a conversation. All of them must outlive it.
struct ChatParts {
  Dialogue& dialogue;
  ChatConsole& console;
  Engine& engine;
  FileSystem& files;
  const std::function<void(const std::string& text)> say;  // a line on standard error
  const bool verbose;                                      // say the rates after each answer
};

class ChatLoop {
 public:
  // `tokenizer` must outlive this object.
  ChatLoop(const ChatParts& parts, const Tokenizer& tokenizer)
      : parts_(parts), answerer_(parts.engine, tokenizer) {}

  // Reads messages and answers them until the user ends the conversation.
  void Run();

  // Answers one message. Errors are for the user: the message can't be answered, or
  // (kDataLoss) the model's logits are not finite.
  absl::Status Answer(const std::string& question);

 private:
  // Does what a command says. Returns false for the end.
  bool Obey(const std::string& line);
  absl::Status Set(const std::string& argument);
  absl::Status Save(const std::string& path);
  absl::Status Load(const std::string& path);
  void SayEnd(const BatchRequest& request, const FinishedSequence& finished);

  const ChatParts parts_;
  Answerer answerer_;
  std::set<std::string> own_files_;  // that this conversation has read or written
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_CHAT_LOOP_H_
