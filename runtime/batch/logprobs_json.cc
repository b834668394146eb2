#include "runtime/batch/logprobs_json.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/check.h"

namespace octet {
namespace {

std::string TokenText(const Tokenizer* tokenizer, int32_t id) {
  return tokenizer != nullptr ? tokenizer->TokenText(id) : absl::StrCat("token_id:", id);
}

// A token that is shown, and its log-probability, which is null for the first token of a prompt.
struct ShownToken {
  int32_t id = 0;
  const TokenLogprob* logprob = nullptr;
};

void AddPromptTokens(const Answer& answer, std::vector<ShownToken>& shown) {
  const std::vector<int32_t>& ids = answer.prompt.ids;
  OCTET_CHECK_EQ(answer.finished.prompt_logprobs_size() + 1, std::ssize(ids));
  shown.push_back({ids[0]});
  for (int i = 1; i < std::ssize(ids); ++i) {
    shown.push_back({ids[i], &answer.finished.prompt_logprobs(i - 1)});
  }
}

void AddAnswerTokens(const Answer& answer, std::vector<ShownToken>& shown) {
  const std::span<const int32_t> ids = answer.token_ids();
  OCTET_CHECK(answer.finished.logprobs_size() >= std::ssize(ids));
  for (int i = 0; i < std::ssize(ids); ++i) {
    shown.push_back({ids[i], &answer.finished.logprobs(i)});
  }
}

// Returns the number of alternatives to show. The engine may have found more, for another form.
int NumShown(const TokenLogprob& logprob, int most) {
  return std::min(most, logprob.top_ids_size());
}

using Alternatives = std::vector<std::pair<std::string, float>>;

// Adds an alternative. Names in an object are unique: of tokens with the same text, only the best
// one stays. It comes first.
void AddAlternative(std::string text, float logprob, Alternatives& alternatives) {
  for (const auto& [other, _] : alternatives) {
    if (other == text) return;
  }
  alternatives.emplace_back(std::move(text), logprob);
}

void WriteAlternatives(const Tokenizer* tokenizer, const ShownToken& token, int most,
                       JsonWriter& json) {
  Alternatives alternatives;
  for (int i = 0; i < NumShown(*token.logprob, most); ++i) {
    AddAlternative(TokenText(tokenizer, token.logprob->top_ids(i)), token.logprob->top_logprobs(i),
                   alternatives);
  }
  AddAlternative(TokenText(tokenizer, token.id), token.logprob->logprob(), alternatives);
  json.BeginObject();
  for (const auto& [text, logprob] : alternatives) json.Key(text).Float(logprob);
  json.EndObject();
}

// Writes the bytes of a token, or null for a token without bytes.
void WriteTokenBytes(const Tokenizer* tokenizer, int32_t id, JsonWriter& json) {
  if (tokenizer == nullptr || id < 0 || id >= tokenizer->vocab_size()) {
    json.Null();
    return;
  }
  const Vocabulary& vocabulary = tokenizer->vocabulary();
  const std::string& piece = vocabulary.pieces[id];
  const PieceType type = vocabulary.types[id];
  if (type == PieceType::kControl || type == PieceType::kUnknown) {
    json.Null();
    return;
  }
  if (type == PieceType::kByte) {
    json.BeginArray().Integer(ByteOfPiece(piece)).EndArray();
    return;
  }
  json.BeginArray();
  for (const char byte : WithPlainSpaces(piece)) json.Integer(static_cast<uint8_t>(byte));
  json.EndArray();
}

// Writes the fields that a chat's tokens and their alternatives share in OpenAI's objects.
void WriteChatToken(const Tokenizer* tokenizer, int32_t id, float logprob, JsonWriter& json) {
  json.Key("token").String(TokenText(tokenizer, id));
  json.Key("logprob").Float(logprob);
  json.Key("bytes");
  WriteTokenBytes(tokenizer, id, json);
}

void WritePromptLogprob(const Tokenizer* tokenizer, int32_t id, float logprob, int rank,
                        JsonWriter& json) {
  json.Key(std::to_string(id)).BeginObject();
  json.Key("logprob").Float(logprob);
  json.Key("rank").Integer(rank);
  json.Key("decoded_token").String(TokenText(tokenizer, id));
  json.EndObject();
}

}  // namespace

void WriteCompletionLogprobs(const Tokenizer* tokenizer, const Answer& answer,
                             std::span<const int64_t> offsets, JsonWriter& json) {
  std::vector<ShownToken> tokens;
  if (answer.request.echo) AddPromptTokens(answer, tokens);
  AddAnswerTokens(answer, tokens);
  OCTET_CHECK_EQ(tokens.size(), offsets.size());

  json.BeginObject().Key("tokens").BeginArray();
  for (const ShownToken& token : tokens) json.String(TokenText(tokenizer, token.id));
  json.EndArray().Key("token_logprobs").BeginArray();
  for (const ShownToken& token : tokens) {
    if (token.logprob == nullptr) {
      json.Null();
    } else {
      json.Float(token.logprob->logprob());
    }
  }
  json.EndArray().Key("top_logprobs").BeginArray();
  for (const ShownToken& token : tokens) {
    if (token.logprob == nullptr) {
      json.Null();
    } else {
      WriteAlternatives(tokenizer, token, answer.request.params.num_logprobs(), json);
    }
  }
  json.EndArray().Key("text_offset").Integers(offsets).EndObject();
}

void WriteChatLogprobs(const Tokenizer* tokenizer, const Answer& answer, JsonWriter& json) {
  std::vector<ShownToken> tokens;
  AddAnswerTokens(answer, tokens);
  json.BeginObject().Key("content").BeginArray();
  for (const auto& [id, logprob] : tokens) {
    json.BeginObject();
    WriteChatToken(tokenizer, id, logprob->logprob(), json);
    json.Key("top_logprobs").BeginArray();
    for (int i = 0; i < NumShown(*logprob, answer.request.params.num_logprobs()); ++i) {
      json.BeginObject();
      WriteChatToken(tokenizer, logprob->top_ids(i), logprob->top_logprobs(i), json);
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
}

void WritePromptLogprobs(const Tokenizer* tokenizer, const Answer& answer, JsonWriter& json) {
  std::vector<ShownToken> tokens;
  AddPromptTokens(answer, tokens);
  json.BeginArray().Null();
  for (const auto& [id, logprob] : std::span(tokens).subspan(1)) {
    json.BeginObject();
    WritePromptLogprob(tokenizer, id, logprob->logprob(), logprob->rank(), json);
    for (int i = 0; i < NumShown(*logprob, answer.request.shown_prompt_logprobs); ++i) {
      if (logprob->top_ids(i) == id) continue;  // is already the first, as in vLLM
      WritePromptLogprob(tokenizer, logprob->top_ids(i), logprob->top_logprobs(i), i + 1, json);
    }
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace octet
