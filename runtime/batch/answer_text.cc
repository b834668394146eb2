#include "runtime/batch/answer_text.h"

#include <algorithm>

#include "runtime/text/streaming_decoder.h"

namespace octet {
namespace {

int64_t CountCharacters(const std::string& utf8) {
  int64_t characters = 0;
  for (const char c : utf8) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return characters;
}

// Returns the text of `ids`, and where each token begins. The text may end inside a character.
AnswerText Decode(StreamingDecoder& decoder, std::span<const int32_t> ids) {
  AnswerText decoded;
  int64_t characters = 0;
  for (const int32_t id : ids) {
    decoded.offsets.push_back(characters);
    const std::string piece = decoder.Add(id);
    characters += CountCharacters(piece);
    decoded.text += piece;
  }
  return decoded;
}

AnswerText PromptText(const Tokenizer& tokenizer, const Prompt& prompt,
                      SpecialTokens special_tokens) {
  const bool given_as_ids = !prompt.is_text;
  // A text prompt is shown as given, without the BOS in front of it, even if special tokens are
  // kept.
  StreamingDecoder decoder(tokenizer, {}, given_as_ids ? special_tokens : SpecialTokens::kSkip);
  AnswerText decoded = Decode(decoder, prompt.ids);
  if (given_as_ids) return decoded;
  // The tokenizer may have put a space in front, or normalized others away.
  const int64_t added = decoded.text == " " + prompt.text ? 1 : 0;
  const int64_t end = CountCharacters(prompt.text);
  for (int64_t& offset : decoded.offsets) offset = std::clamp<int64_t>(offset - added, 0, end);
  decoded.text = prompt.text;
  return decoded;
}

// Cuts off the stop text that ended the answer, and the rest of its last token after that.
void CutAtStopText(const Answer& answer, std::string& text) {
  if (!answer.stopped() || !answer.finished.has_stop_text()) return;
  const StopText& stop = answer.finished.stop_text();
  text.resize(std::min<size_t>(stop.offset(), text.size()));
  if (answer.request.include_stop_text) text += answer.request.params.stop(stop.index());
}

}  // namespace

std::span<const int32_t> Answer::token_ids() const {
  if (!request.generate) return {};
  return {finished.token_ids().data(), static_cast<size_t>(finished.token_ids_size())};
}

AnswerText MakeAnswerText(const Tokenizer* tokenizer, const Answer& answer) {
  const BatchRequest& request = answer.request;
  const std::span<const int32_t> ids = answer.token_ids();
  if (tokenizer == nullptr) {
    const size_t tokens = ids.size() + (request.echo ? answer.prompt.ids.size() : 0);
    return {.text = "", .offsets = std::vector<int64_t>(tokens)};
  }
  const SpecialTokens special_tokens =
      request.params.keep_special_tokens() ? SpecialTokens::kKeep : SpecialTokens::kSkip;
  AnswerText shown;
  if (request.echo) shown = PromptText(*tokenizer, answer.prompt, special_tokens);

  // Decodes like the engine when it looks for stop texts: their offsets refer to this text.
  StreamingDecoder decoder(*tokenizer, answer.prompt.ids, special_tokens);
  const bool ends_silently = !ids.empty() && answer.stopped() && !answer.finished.has_stop_text() &&
                             !request.include_stop_text;
  AnswerText added = Decode(decoder, ids.first(ids.size() - (ends_silently ? 1 : 0)));
  if (ends_silently) added.offsets.push_back(CountCharacters(added.text));
  added.text += decoder.Finish();
  CutAtStopText(answer, added.text);

  const int64_t start = CountCharacters(shown.text);
  for (const int64_t offset : added.offsets) shown.offsets.push_back(start + offset);
  shown.text += added.text;
  return shown;
}

}  // namespace octet
