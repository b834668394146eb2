// A tokenizer: from text to token ids and back.

#ifndef OCTET_RUNTIME_TEXT_TOKENIZER_H_
#define OCTET_RUNTIME_TEXT_TOKENIZER_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/sentencepiece.pb.h"
#include "runtime/io/file.h"
#include "runtime/text/added_tokens.h"
#include "runtime/text/bpe_encoder.h"
#include "runtime/text/rendered_text.h"
#include "runtime/text/text_pipeline.h"
#include "runtime/text/vocabulary.h"

namespace octet {

struct SentencePieceModel;

// The parts of a tokenizer, from any of its files.
struct TokenizerParts {
  Vocabulary vocabulary;
  BpeEncoder encoder;                    // for this vocabulary
  TextPipeline plain;                    // for a text without tokens
  TextPipeline between;                  // for text between tokens
  std::vector<AddedToken> added_tokens;  // each with an id, all different
  std::vector<int32_t> prefix;           // the beginning of a prompt with special tokens
  std::vector<int32_t> suffix;
  std::map<std::string, std::string> special_tokens;  // spellings by role
  bool takes_space = false;       // decoding removes one space at the beginning of a text
  bool takes_all_spaces = false;  // or all spaces there
  bool keeps_all_bytes = false;   // each byte of a text between tokens is part of some token
  std::vector<std::string> notes;
};

// A BPE model with its added tokens. Immutable; safe on many threads.
class Tokenizer {
 public:
  // The longest text that is encoded. Escaped spaces may make it three times as long, and offsets
  // in it have 32 bits.
  static constexpr size_t kMaxTextBytes = size_t{512} << 20;

  // Reads a tokenizer.model alone. Gives the ids of spm_encode and the text of spm_decode. Its
  // control pieces are its special tokens. Errors name the file and the piece or field: the file is
  // no SentencePiece file, is not BPE, has a character map (only the identity normalization is
  // known), or has contradictory pieces.
  static absl::StatusOr<Tokenizer> Load(FileSystem& files, const std::string& path);

  // The same for a file's bytes, or for a model that was made elsewhere. `source` begins each
  // error.
  static absl::StatusOr<Tokenizer> FromBytes(std::string_view bytes, const std::string& source);
  static absl::StatusOr<Tokenizer> FromModel(const sentencepiece::ModelProto& model,
                                             const std::string& source);

  explicit Tokenizer(TokenizerParts parts);

  // Returns the most bytes of a text with `num_tokens` tokens. If a token may stand for any number
  // of bytes, returns the most bytes of any text.
  size_t MostBytes(int64_t num_tokens) const;

  // Returns the ids of `text`, without BOS or EOS; never makes control or added tokens. Each byte
  // that is not UTF-8 counts as U+FFFD.
  std::vector<int32_t> Encode(std::string_view text) const;

  // Returns the ids of a prompt, like transformers' tokenizer(text, add_special_tokens=...): the
  // spelling of a control or added token becomes that token. With `add_special_tokens`, BOS and EOS
  // are put around it, as the model's files say.
  std::vector<int32_t> EncodePrompt(std::string_view text, bool add_special_tokens) const;

  // Returns the ids of a conversation, with nothing around it. A spelling that overlaps a range
  // from outside is text.
  std::vector<int32_t> EncodeRendered(const RenderedText& text) const;

  // Returns the text of `ids`, always valid UTF-8. Special tokens, and ids without a piece (of a
  // padded vocabulary), decode to nothing. Removes the space that encoding put in front.
  std::string Decode(std::span<const int32_t> ids) const;

  // Returns one token alone in the form of OpenAI's logprobs: " the", "
  // ", "bytes:\xe2" (with that backslash) for a byte above 0x7F, "</s>" for a control piece,
  // "token_id:N" for an id without a piece.
  std::string TokenText(int32_t id) const;

  // Returns the piece in the model's spelling ("▁the", "<0xE2>"), or "token_id:N" if there is none.
  std::string Piece(int32_t id) const;

  // The spelling of each special token that has a role ("bos_token", "eos_token", "unk_token",
  // "pad_token", ...), which chat templates use.
  const std::map<std::string, std::string>& special_tokens() const { return special_tokens_; }

  int32_t bos_id() const { return vocabulary_.bos_id; }  // -1 if none
  int32_t eos_id() const { return vocabulary_.eos_id; }  // -1 if none

  // One more than the highest id with a piece or an added token; num_pieces() leaves out added
  // tokens.
  int32_t vocab_size() const { return static_cast<int32_t>(vocabulary_.pieces.size()); }
  int32_t num_pieces() const { return num_pieces_; }

  // The pieces and, at their ids, the added tokens. Special ones have type kControl, others type
  // kUserDefined. An id without a piece has an empty one of type kControl.
  const Vocabulary& vocabulary() const { return vocabulary_; }

  bool takes_space() const { return takes_space_; }
  bool takes_all_spaces() const { return takes_all_spaces_; }

  // Notes for the user: contradictions between the files, and the like.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  bool HasPiece(int32_t id) const {
    return id >= 0 && id < vocab_size() && !vocabulary_.pieces[id].empty();
  }
  static Tokenizer FromPieces(SentencePieceModel model);
  void Show(const std::vector<AddedToken>& added_tokens);
  void EncodeWithTokens(std::string_view text, std::span<const RenderedText::Range> from_outside,
                        std::vector<int32_t>& ids) const;
  void EncodeBetween(std::string_view text, size_t begin,
                     std::span<const RenderedText::Range> from_outside,
                     std::vector<int32_t>& ids) const;

  Vocabulary vocabulary_;
  int32_t num_pieces_;
  BpeEncoder encoder_;
  size_t longest_piece_ = 1;  // bytes
  bool keeps_all_bytes_;
  TextPipeline plain_;
  TextPipeline between_;
  AddedTokenFinder in_text_;        // of tokens that are found in the original text
  AddedTokenFinder in_normalized_;  // of tokens that are found in normalized text
  std::vector<int32_t> prefix_;
  std::vector<int32_t> suffix_;
  std::map<std::string, std::string> special_tokens_;
  bool takes_space_;
  bool takes_all_spaces_;
  std::vector<std::string> notes_;
};

// Returns whether a directory has a tokenizer.model or a tokenizer.json.
bool HasTokenizerFiles(FileSystem& files, const std::string& directory);

// Loads the tokenizer of a model. `model_path` is a directory with a tokenizer.model, a
// tokenizer.json or both, or one such file, which then counts alone. In a directory,
// tokenizer_config.json, special_tokens_map.json and added_tokens.json count as in transformers. If
// both tokenizers are there, pieces and merges come from tokenizer.model. Errors name the file and
// the key. kUnimplemented names another kind of tokenizer.
absl::StatusOr<Tokenizer> LoadTokenizerFor(FileSystem& files, const std::string& model_path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKENIZER_H_
