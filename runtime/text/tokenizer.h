// Text to token ids and back.

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

// What a tokenizer is made of, whichever files it is from.
struct TokenizerParts {
  Vocabulary vocabulary;
  BpeEncoder encoder;                    // of this vocabulary
  TextPipeline plain;                    // of a text without tokens in it
  TextPipeline between;                  // of text between tokens
  std::vector<AddedToken> added_tokens;  // each with an id, all different
  std::vector<int32_t> prefix;           // what a prompt begins with, where it is wanted
  std::vector<int32_t> suffix;
  std::map<std::string, std::string> special_tokens;  // spellings by role
  bool takes_space = false;       // decoding takes one space away that a text begins with
  bool takes_all_spaces = false;  // or all of them
  std::vector<std::string> notes;
};

// A BPE model with its added tokens. Immutable; safe on many threads.
class Tokenizer {
 public:
  // The longest text that is encoded. Escaped spaces may treble it, and places in it are 32 bits
  // wide.
  static constexpr size_t kMaxTextBytes = size_t{512} << 20;

  // Reads a tokenizer.model alone: gives the ids of spm_encode and the text of spm_decode; its
  // control pieces are its special tokens. Errors name the file and the piece or field: no
  // SentencePiece file, not BPE, a character map (only the identity normalization is known), pieces
  // that contradict each other.
  static absl::StatusOr<Tokenizer> Load(FileSystem& files, const std::string& path);

  // The same of a file's bytes, or of a model made elsewhere. `source` begins each error.
  static absl::StatusOr<Tokenizer> FromBytes(std::string_view bytes, const std::string& source);
  static absl::StatusOr<Tokenizer> FromModel(const sentencepiece::ModelProto& model,
                                             const std::string& source);

  explicit Tokenizer(TokenizerParts parts);

  // The ids of `text`, without BOS or EOS: control and added tokens never come from it. Bytes that
  // are not UTF-8 count as U+FFFD, one each.
  std::vector<int32_t> Encode(std::string_view text) const;

  // The ids of a prompt, as transformers' tokenizer(text, add_special_tokens=...): the spelling of
  // a control or added token is that token. With `add_special_tokens` BOS and EOS are put around
  // it, as the model's files say.
  std::vector<int32_t> EncodePrompt(std::string_view text, bool add_special_tokens) const;

  // The ids of a conversation, without more around it. A spelling that overlaps a range from
  // outside is text.
  std::vector<int32_t> EncodeRendered(const RenderedText& text) const;

  // The text of `ids`, always valid UTF-8. Special tokens, and ids that have no piece (a padded
  // vocabulary's), read as nothing; the space that encoding put in front is taken away again.
  std::string Decode(std::span<const int32_t> ids) const;

  // One token alone, as OpenAI's logprobs show it: " the", "\n", "bytes:\xe2" (with that backslash)
  // for a byte above 0x7F, "</s>" for a control piece, "token_id:N" for an id without a piece.
  std::string TokenText(int32_t id) const;

  // The piece as the model has it ("▁the", "<0xE2>"); "token_id:N" where there is none.
  std::string Piece(int32_t id) const;

  // The spelling of each special token that has a role ("bos_token", "eos_token", "unk_token",
  // "pad_token", ...), which chat templates use.
  const std::map<std::string, std::string>& special_tokens() const { return special_tokens_; }

  int32_t bos_id() const { return vocabulary_.bos_id; }  // -1: none
  int32_t eos_id() const { return vocabulary_.eos_id; }  // -1: none

  // One more than the highest id that has a piece or an added token, and without the latter.
  int32_t vocab_size() const { return static_cast<int32_t>(vocabulary_.pieces.size()); }
  int32_t num_pieces() const { return num_pieces_; }

  // The pieces and, at their ids, the added tokens: special ones are of type kControl, others of
  // type kUserDefined. An id without a piece has an empty one of type kControl.
  const Vocabulary& vocabulary() const { return vocabulary_; }

  bool takes_space() const { return takes_space_; }
  bool takes_all_spaces() const { return takes_all_spaces_; }

  // For a person: contradictions between the files, and the like.
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
  TextPipeline plain_;
  TextPipeline between_;
  AddedTokenFinder in_text_;        // of the tokens found in the text as given
  AddedTokenFinder in_normalized_;  // of those found in normalized text
  std::vector<int32_t> prefix_;
  std::vector<int32_t> suffix_;
  std::map<std::string, std::string> special_tokens_;
  bool takes_space_;
  bool takes_all_spaces_;
  std::vector<std::string> notes_;
};

// Whether a directory has a tokenizer.model or a tokenizer.json.
bool HasTokenizerFiles(FileSystem& files, const std::string& directory);

// The tokenizer of a model: `model_path` is a directory with a tokenizer.model, a tokenizer.json or
// both, or one such file, which then counts alone. In a directory tokenizer_config.json,
// special_tokens_map.json and added_tokens.json count as they do for transformers. Where both
// tokenizers are there, pieces and merges are those of tokenizer.model. Errors name the file and
// the key; kUnimplemented: another kind of tokenizer, named.
absl::StatusOr<Tokenizer> LoadTokenizerFor(FileSystem& files, const std::string& model_path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKENIZER_H_
