// One line of a batch: a request in OpenAI's form.

#ifndef OCTET_RUNTIME_BATCH_REQUEST_H_
#define OCTET_RUNTIME_BATCH_REQUEST_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/tokenizer.h"

namespace octet {

// Why a line can't be served, in the form of OpenAI's errors.
struct RequestError {
  std::string message;
  std::string param;  // the field; empty: none
  std::string code = "invalid_value";
};

enum class Endpoint { kCompletions, kChatCompletions };

struct BatchRequest {
  std::string custom_id;
  Endpoint endpoint = Endpoint::kCompletions;
  std::vector<int32_t> prompt_ids;
  SamplingParams params;
  bool return_token_ids = false;
};

// A line read: its custom_id, where it has one that can be read, and the request or what is wrong
// with it.
struct ParsedLine {
  std::string custom_id;
  bool has_custom_id = false;
  std::variant<BatchRequest, RequestError> request;
};

// What a request is checked against.
struct RequestLimits {
  const Tokenizer* tokenizer = nullptr;  // null: only prompts given as token ids
  int64_t vocab_size = 0;
  int64_t max_model_len = 0;      // prompt and answer
  std::string served_model_name;  // when set, "model" must be this
};

// Never fails as a whole: a line that can't be served is a RequestError.
ParsedLine ParseBatchLine(const std::string& line, const RequestLimits& limits);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_REQUEST_H_
