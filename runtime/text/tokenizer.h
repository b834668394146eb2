// Text to token ids and back.

#ifndef OCTET_RUNTIME_TEXT_TOKENIZER_H_
#define OCTET_RUNTIME_TEXT_TOKENIZER_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/sentencepiece.pb.h"
#include "runtime/io/file.h"
#include "runtime/text/bpe_encoder.h"
#include "runtime/text/text_normalizer.h"
#include "runtime/text/vocabulary.h"

namespace octet {

// A SentencePiece BPE model: gives the ids of spm_encode and the text of spm_decode. Immutable;
// safe on many threads.
class Tokenizer {
 public:
  // The longest text that Encode takes. Escaped spaces may treble it, and places in it are 32 bits
  // wide.
  static constexpr size_t kMaxTextBytes = size_t{512} << 20;

  // Reads a tokenizer.model. Errors name the file and the piece or field: no SentencePiece file,
  // not BPE, a character map (only the identity normalization is known), pieces that contradict
  // each other.
  static absl::StatusOr<Tokenizer> Load(FileSystem& files, const std::string& path);

  // The same of a file's bytes, or of a model made elsewhere. `source` begins each error.
  static absl::StatusOr<Tokenizer> FromBytes(std::string_view bytes, const std::string& source);
  static absl::StatusOr<Tokenizer> FromModel(const sentencepiece::ModelProto& model,
                                             const std::string& source);

  // No text of more bytes has so few tokens. Where a token may stand for any number of bytes, no
  // text at all has more bytes.
  size_t MostBytes(int64_t num_tokens) const;

  // The ids of `text`, without BOS or EOS: control pieces never come from text. Bytes that are not
  // UTF-8 count as U+FFFD, one each.
  std::vector<int32_t> Encode(std::string_view text) const;

  // The text of `ids`, always valid UTF-8. Control pieces, and ids that have no piece (a padded
  // vocabulary's), read as nothing; the space that Encode put in front is taken away again.
  std::string Decode(std::span<const int32_t> ids) const;

  // One token alone, as OpenAI's logprobs show it: " the", "\n", "bytes:\xe2" (with that backslash)
  // for a byte above 0x7F, "</s>" for a control piece, "token_id:N" for an id without a piece.
  std::string TokenText(int32_t id) const;

  // The piece as the model has it ("▁the", "<0xE2>"); "token_id:N" where there is none.
  std::string Piece(int32_t id) const;

  int32_t bos_id() const { return vocabulary_.bos_id; }  // -1: none
  int32_t eos_id() const { return vocabulary_.eos_id; }  // -1: none
  int32_t vocab_size() const { return static_cast<int32_t>(vocabulary_.pieces.size()); }
  const Vocabulary& vocabulary() const { return vocabulary_; }
  const NormalizerOptions& normalizer_options() const { return normalizer_.options(); }

 private:
  Tokenizer(Vocabulary vocabulary, const NormalizerOptions& options,
            const SymbolTrie& user_defined);

  bool HasPiece(int32_t id) const { return id >= 0 && id < vocab_size(); }

  Vocabulary vocabulary_;
  TextNormalizer normalizer_;
  BpeEncoder encoder_;
  size_t longest_piece_ = 1;  // bytes
};

// The tokenizer of a model: `model_path` is a directory with a tokenizer.model, or that file
// itself.
absl::StatusOr<Tokenizer> LoadTokenizerFor(FileSystem& files, const std::string& model_path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKENIZER_H_
