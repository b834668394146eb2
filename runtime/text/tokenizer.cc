#include "runtime/text/tokenizer.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "kernels/check.h"
#include "runtime/text/streaming_decoder.h"

namespace octet {
namespace {

constexpr uint64_t kMaxModelBytes = uint64_t{256} << 20;

absl::Status CheckKind(const sentencepiece::ModelProto& model, const std::string& source) {
  if (model.pieces().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(source,
                     ": is not a SentencePiece model, or is damaged; give the tokenizer.model that "
                     "belongs to the weights"));
  }
  const auto type = model.trainer_spec().model_type();
  if (type != sentencepiece::TrainerSpec::BPE) {
    return absl::UnimplementedError(absl::StrCat(source, ": trainer_spec.model_type is ",
                                                 sentencepiece::TrainerSpec::ModelType_Name(type),
                                                 "; only BPE can be read"));
  }
  if (!model.normalizer_spec().precompiled_charsmap().empty()) {
    return absl::UnimplementedError(absl::StrCat(
        source, ": normalizer_spec.precompiled_charsmap (", model.normalizer_spec().name(),
        ") is not empty; only models with the identity normalization can be read"));
  }
  if (!model.denormalizer_spec().precompiled_charsmap().empty()) {
    return absl::UnimplementedError(absl::StrCat(source,
                                                 ": denormalizer_spec.precompiled_charsmap is not "
                                                 "empty; only models without one can be read"));
  }
  return absl::OkStatus();
}

std::string NameOfId(int32_t id) { return absl::StrCat("token_id:", id); }

}  // namespace

Tokenizer::Tokenizer(Vocabulary vocabulary, const NormalizerOptions& options,
                     const SymbolTrie& user_defined)
    : vocabulary_(std::move(vocabulary)),
      normalizer_(options, user_defined),
      encoder_(vocabulary_, user_defined) {
  for (const std::string& piece : vocabulary_.pieces) {
    longest_piece_ = std::max(longest_piece_, piece.size());
  }
}

absl::StatusOr<Tokenizer> Tokenizer::Load(FileSystem& files, const std::string& path) {
  const auto file = files.Open(path);
  if (!file.ok()) return file.status();
  if ((*file)->size() > kMaxModelBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has ", (*file)->size(),
                     " bytes, too many for a SentencePiece model; give the tokenizer.model"));
  }
  std::string bytes((*file)->size(), '\0');
  const auto status = (*file)->Read(0, std::as_writable_bytes(std::span(bytes)));
  if (!status.ok()) return status;
  return FromBytes(bytes, path);
}

absl::StatusOr<Tokenizer> Tokenizer::FromBytes(std::string_view bytes, const std::string& source) {
  sentencepiece::ModelProto model;
  // What does not parse is refused as a model without pieces is.
  if (bytes.size() > kMaxModelBytes ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    model.Clear();
  }
  return FromModel(model, source);
}

absl::StatusOr<Tokenizer> Tokenizer::FromModel(const sentencepiece::ModelProto& model,
                                               const std::string& source) {
  if (const auto status = CheckKind(model, source); !status.ok()) return status;
  auto vocabulary = MakeVocabulary(model, source);
  if (!vocabulary.ok()) return vocabulary.status();
  SymbolTrie user_defined;
  for (size_t id = 0; id < vocabulary->pieces.size(); ++id) {
    if (vocabulary->types[id] == PieceType::kUserDefined) {
      user_defined.Insert(vocabulary->pieces[id], static_cast<int32_t>(id));
    }
  }
  const sentencepiece::NormalizerSpec& spec = model.normalizer_spec();
  const NormalizerOptions options = {
      .add_dummy_prefix = spec.add_dummy_prefix(),
      .remove_extra_whitespaces = spec.remove_extra_whitespaces(),
      .escape_whitespaces = spec.escape_whitespaces(),
      .treat_whitespace_as_suffix = model.trainer_spec().treat_whitespace_as_suffix(),
  };
  return Tokenizer(*std::move(vocabulary), options, user_defined);
}

size_t Tokenizer::MostBytes(int64_t num_tokens) const {
  const bool has_byte_fallback = vocabulary_.byte_ids[0] >= 0;  // else one for unknown neighbours
  if (!has_byte_fallback || normalizer_.options().remove_extra_whitespaces) return kMaxTextBytes;
  if (num_tokens >= static_cast<int64_t>(kMaxTextBytes / longest_piece_)) return kMaxTextBytes;
  return static_cast<size_t>(std::max<int64_t>(num_tokens, 0)) * longest_piece_;
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text) const {
  OCTET_CHECK(text.size() <= kMaxTextBytes) << "a text of " << text.size() << " bytes ";
  std::vector<int32_t> ids;
  encoder_.Encode(normalizer_.Normalize(text), ids);
  return ids;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids) const {
  StreamingDecoder decoder(*this);
  std::string text;
  for (const int32_t id : ids) text += decoder.Add(id);
  return text += decoder.Finish();
}

std::string Tokenizer::TokenText(int32_t id) const {
  if (!HasPiece(id)) return NameOfId(id);
  const std::string& piece = vocabulary_.pieces[id];
  if (vocabulary_.types[id] == PieceType::kByte) {
    const int byte = ByteOfPiece(piece);
    if (byte < 0x80) return std::string(1, static_cast<char>(byte));
    return absl::StrCat("bytes:\\x", absl::Hex(byte, absl::kZeroPad2));
  }
  return WithPlainSpaces(piece);
}

std::string Tokenizer::Piece(int32_t id) const {
  return HasPiece(id) ? vocabulary_.pieces[id] : NameOfId(id);
}

absl::StatusOr<Tokenizer> LoadTokenizerFor(FileSystem& files, const std::string& model_path) {
  if (!files.IsDirectory(model_path)) return Tokenizer::Load(files, model_path);
  const std::string path = JoinPath(model_path, "tokenizer.model");
  if (!files.IsFile(path)) {
    return absl::NotFoundError(absl::StrCat(path,
                                            ": there is no such file; put the tokenizer.model that "
                                            "belongs to the weights beside them"));
  }
  return Tokenizer::Load(files, path);
}

}  // namespace octet
