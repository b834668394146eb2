#include "runtime/text/tokenizer.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"
#include "runtime/text/sentencepiece_model.h"
#include "runtime/text/streaming_decoder.h"

namespace octet {
namespace {

std::string NameOfId(int32_t id) { return absl::StrCat("token_id:", id); }

AddedTokenFinder FinderInText(const std::vector<AddedToken>& tokens) {
  std::vector<AddedToken> found;
  for (const AddedToken& token : tokens) {
    if (!token.normalized) found.push_back(token);
  }
  return AddedTokenFinder(std::move(found));
}

AddedTokenFinder FinderInNormalized(const std::vector<AddedToken>& tokens,
                                    const TextPipeline& pipeline) {
  std::vector<AddedToken> found;
  for (const AddedToken& token : tokens) {
    if (!token.normalized) continue;
    AddedToken as_found = token;
    as_found.content = pipeline.Normalize(token.content, /*track_origins=*/false).text;
    if (!as_found.content.empty()) found.push_back(std::move(as_found));
  }
  return AddedTokenFinder(std::move(found));
}

// Returns the ranges of a normalized text whose bytes come from one of `ranges`. These are ranges
// of the text in which the normalized part begins at `begin`.
std::vector<RenderedText::Range> InNormalized(std::span<const RenderedText::Range> ranges,
                                              const NormalizedText& normalized, size_t begin) {
  std::vector<RenderedText::Range> found;
  if (ranges.empty()) return found;
  size_t next = 0;
  for (size_t i = 0; i < normalized.origins.size(); ++i) {
    const size_t origin = begin + normalized.origins[i];
    while (next < ranges.size() && ranges[next].end <= origin) ++next;
    if (next == ranges.size()) break;
    if (origin < ranges[next].begin) continue;
    if (!found.empty() && found.back().end == i) {
      found.back().end = i + 1;
    } else {
      found.push_back({i, i + 1});
    }
  }
  return found;
}

}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts)
    : vocabulary_(std::move(parts.vocabulary)),
      num_pieces_(static_cast<int32_t>(vocabulary_.pieces.size())),
      encoder_(std::move(parts.encoder)),
      keeps_all_bytes_(parts.keeps_all_bytes),
      plain_(std::move(parts.plain)),
      between_(std::move(parts.between)),
      in_text_(FinderInText(parts.added_tokens)),
      in_normalized_(FinderInNormalized(parts.added_tokens, between_)),
      prefix_(std::move(parts.prefix)),
      suffix_(std::move(parts.suffix)),
      special_tokens_(std::move(parts.special_tokens)),
      takes_space_(parts.takes_space),
      takes_all_spaces_(parts.takes_all_spaces),
      notes_(std::move(parts.notes)) {
  Show(parts.added_tokens);
  for (const AddedToken& token : parts.added_tokens) {
    keeps_all_bytes_ = keeps_all_bytes_ && !token.lstrip && !token.rstrip;
  }
  for (const std::string& piece : vocabulary_.pieces) {
    longest_piece_ = std::max(longest_piece_, piece.size());
  }
}

// Adds the added tokens to the vocabulary, for readers of ids.
void Tokenizer::Show(const std::vector<AddedToken>& added_tokens) {
  for (const AddedToken& token : added_tokens) {
    const auto id = static_cast<size_t>(token.id);
    if (id >= vocabulary_.pieces.size()) {
      vocabulary_.pieces.resize(id + 1);
      vocabulary_.types.resize(id + 1, PieceType::kControl);
    }
    // A listed token that is the piece of a byte stays a byte.
    if (vocabulary_.types[id] == PieceType::kByte && vocabulary_.pieces[id] == token.content) {
      continue;
    }
    vocabulary_.pieces[id] = token.content;
    vocabulary_.types[id] = token.special ? PieceType::kControl : PieceType::kUserDefined;
  }
  for (size_t id = 0; id < vocabulary_.pieces.size(); ++id) {
    if (vocabulary_.pieces[id].empty()) vocabulary_.types[id] = PieceType::kControl;
  }
}

absl::StatusOr<Tokenizer> Tokenizer::Load(FileSystem& files, const std::string& path) {
  absl::StatusOr<SentencePieceModel> model = SentencePieceModel::Load(files, path);
  if (!model.ok()) return model.status();
  return FromPieces(*std::move(model));
}

absl::StatusOr<Tokenizer> Tokenizer::FromBytes(std::string_view bytes, const std::string& source) {
  absl::StatusOr<SentencePieceModel> model = SentencePieceModel::FromBytes(bytes, source);
  if (!model.ok()) return model.status();
  return FromPieces(*std::move(model));
}

absl::StatusOr<Tokenizer> Tokenizer::FromModel(const sentencepiece::ModelProto& proto,
                                               const std::string& source) {
  absl::StatusOr<SentencePieceModel> model = SentencePieceModel::FromProto(proto, source);
  if (!model.ok()) return model.status();
  return FromPieces(*std::move(model));
}

Tokenizer Tokenizer::FromPieces(SentencePieceModel model) {
  const Vocabulary& vocabulary = model.vocabulary;
  std::map<std::string, std::string> special_tokens;
  for (const auto& [role, id] :
       {std::pair("bos_token", vocabulary.bos_id), std::pair("eos_token", vocabulary.eos_id),
        std::pair("unk_token", vocabulary.unk_id)}) {
    if (id >= 0) special_tokens[role] = vocabulary.pieces[id];
  }
  const TextPipeline pipeline(TextNormalizer(model.options, model.user_defined), {});
  BpeEncoder encoder(vocabulary, MergeTable::ByScore(vocabulary), model.user_defined);
  std::vector<int32_t> prefix;
  if (vocabulary.bos_id >= 0) prefix.push_back(vocabulary.bos_id);
  std::vector<AddedToken> control_tokens = model.ControlTokens();
  return Tokenizer(TokenizerParts{
      .vocabulary = std::move(model.vocabulary),
      .encoder = std::move(encoder),
      .plain = pipeline,
      .between = pipeline,
      .added_tokens = std::move(control_tokens),
      .prefix = std::move(prefix),
      .suffix = {},
      .special_tokens = std::move(special_tokens),
      .takes_space = model.options.add_dummy_prefix || model.options.remove_extra_whitespaces,
      .takes_all_spaces = model.options.remove_extra_whitespaces,
      .keeps_all_bytes = model.keeps_all_bytes(),
      .notes = {}});
}

size_t Tokenizer::MostBytes(int64_t num_tokens) const {
  if (!keeps_all_bytes_) return kMaxTextBytes;
  if (num_tokens >= static_cast<int64_t>(kMaxTextBytes / longest_piece_)) return kMaxTextBytes;
  return static_cast<size_t>(std::max<int64_t>(num_tokens, 0)) * longest_piece_;
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text) const {
  OCTET_CHECK(text.size() <= kMaxTextBytes) << "a text of " << text.size() << " bytes ";
  std::vector<int32_t> ids;
  plain_.ForEachWord(plain_.Normalize(text, /*track_origins=*/false).text, /*at_start=*/true,
                     [&](std::string_view word) { encoder_.Encode(word, ids); });
  return ids;
}

std::vector<int32_t> Tokenizer::EncodePrompt(std::string_view text, bool add_special_tokens) const {
  std::vector<int32_t> ids;
  if (add_special_tokens) ids = prefix_;
  EncodeWithTokens(text, {}, ids);
  if (add_special_tokens) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

std::vector<int32_t> Tokenizer::EncodeRendered(const RenderedText& text) const {
  std::vector<int32_t> ids;
  EncodeWithTokens(text.text, text.from_outside, ids);
  return ids;
}

void Tokenizer::EncodeWithTokens(std::string_view text,
                                 std::span<const RenderedText::Range> from_outside,
                                 std::vector<int32_t>& ids) const {
  OCTET_CHECK(text.size() <= kMaxTextBytes) << "a text of " << text.size() << " bytes ";
  for (const auto& [id, begin, end] : in_text_.Split(text, from_outside)) {
    if (id >= 0) {
      ids.push_back(id);
    } else {
      EncodeBetween(text.substr(begin, end - begin), begin, from_outside, ids);
    }
  }
}

// Appends the ids of text between tokens, which begins at `begin` in the whole text.
void Tokenizer::EncodeBetween(std::string_view text, size_t begin,
                              std::span<const RenderedText::Range> from_outside,
                              std::vector<int32_t>& ids) const {
  const auto encode = [&](std::string_view word) { encoder_.Encode(word, ids); };
  if (in_normalized_.empty()) {
    const std::string normalized = between_.Normalize(text, /*track_origins=*/false).text;
    return between_.ForEachWord(normalized, begin == 0, encode);
  }
  const NormalizedText normalized = between_.Normalize(text, /*track_origins=*/true);
  const auto outside = InNormalized(from_outside, normalized, begin);
  for (const auto& [id, first, last] : in_normalized_.Split(normalized.text, outside)) {
    if (id >= 0) {
      ids.push_back(id);
    } else {
      const bool at_start = begin + normalized.origins[first] == 0;
      between_.ForEachWord(std::string_view(normalized.text).substr(first, last - first), at_start,
                           encode);
    }
  }
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

}  // namespace octet
