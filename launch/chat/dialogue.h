// A conversation as the body of a request, which grows turn by turn.

#ifndef OCTET_LAUNCH_CHAT_DIALOGUE_H_
#define OCTET_LAUNCH_CHAT_DIALOGUE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/batch/batch_request.h"

namespace octet {

// A field of requests that a user may set.
struct DialogueField {
  const char* name;
  const char* help;
};

// The fields, in the order in which they are listed.
const std::vector<DialogueField>& DialogueFields();

// The turns of a conversation and the fields of its requests. A request is the same as that of a
// batch line with this body, so that its answer is the same too.
class Dialogue {
 public:
  // with_template false: the text so far is continued, as by /v1/completions. `limits` must outlive
  // this object, and its tokenizer is not null.
  Dialogue(const RequestLimits& limits, bool with_template)
      : limits_(limits), with_template_(with_template) {}

  // Returns whether a question can be answered at all: that the model has a chat template.
  absl::Status Check() const;

  // Sets a field to a JSON value, or to a text if it is none. An empty value removes the field.
  // Errors name the field; then nothing is changed.
  absl::Status Set(const std::string& name, const std::string& value);

  // Returns a line for each field that is set; or the reason for none.
  std::string DescribeSettings() const;

  // Returns a line or more for each message, or for the text so far.
  std::string DescribeTurns() const;

  // Sets the system message, or removes it if `text` is empty.
  absl::Status SetSystem(const std::string& text);

  // Forgets all turns. The system message and the fields stay.
  void Reset();

  // Forgets the oldest question and its answer. Returns false if there is none.
  bool DropOldest();

  // Returns the request for the next answer, to all turns and this question. The question is kept
  // by Keep alone. Errors are for the user, also about a conversation that has become too long.
  absl::StatusOr<BatchRequest> Ask(const std::string& question) const;

  // Keeps a question and its answer. `request` is what Ask returned. A template may write a space
  // before each answer that the answer's text already begins with: the text is then kept without
  // it, so that the next request begins with the tokens that were computed.
  void Keep(const std::string& question, const BatchRequest& request,
            const FinishedSequence& finished, std::string answer);

  // Returns the body of a request with all turns, for a file.
  std::string ToJson() const;

  // Replaces the turns by those of such a body or of a list of messages, and sets its fields.
  // `where` begins errors; then nothing is changed.
  absl::Status FromJson(const std::string& text, const std::string& where);

  // The number of messages, with that of the system.
  int64_t num_messages() const { return static_cast<int64_t>(messages_.size()); }

 private:
  using Json = nlohmann::ordered_json;

  bool has_system() const;
  Json Body(const Json& messages, const std::string& text) const;
  ParsedLine Parse(const Json& body) const;
  absl::Status SetField(const std::string& name, const Json& value);
  size_t CommonTokens(const std::string& question, const std::string& answer,
                      const std::vector<int32_t>& tokens) const;

  const RequestLimits& limits_;
  bool with_template_;
  Json settings_ = Json::object();
  Json messages_ = Json::array();
  std::string text_;  // without a template: prompts and answers so far
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_DIALOGUE_H_
