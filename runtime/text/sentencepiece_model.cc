#include "runtime/text/sentencepiece_model.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <span>
#include <utility>

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

}  // namespace

absl::StatusOr<SentencePieceModel> SentencePieceModel::Load(FileSystem& files,
                                                            const std::string& path) {
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

absl::StatusOr<SentencePieceModel> SentencePieceModel::FromBytes(std::string_view bytes,
                                                                 const std::string& source) {
  sentencepiece::ModelProto model;
  // A file that does not parse is refused like a model without pieces.
  if (bytes.size() > kMaxModelBytes ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    model.Clear();
  }
  return FromProto(model, source);
}

absl::StatusOr<SentencePieceModel> SentencePieceModel::FromProto(
    const sentencepiece::ModelProto& model, const std::string& source) {
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
  return SentencePieceModel{*std::move(vocabulary), options, std::move(user_defined)};
}

std::vector<AddedToken> SentencePieceModel::ControlTokens() const {
  std::vector<AddedToken> tokens;
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    if (vocabulary.types[id] != PieceType::kControl) continue;
    tokens.push_back({.content = vocabulary.pieces[id],
                      .id = static_cast<int32_t>(id),
                      .normalized = false,
                      .special = true});
  }
  return tokens;
}

}  // namespace octet
