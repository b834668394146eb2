#include "runtime/text/bpe_model_json.h"

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/text/added_token_json.h"

namespace octet {
namespace {

using nlohmann::json;

using PieceIds = absl::flat_hash_map<std::string_view, int32_t>;

absl::Status Invalid(const std::string& message) { return absl::InvalidArgumentError(message); }

absl::Status CheckKind(const json& model) {
  const auto type = model.find("type");
  if (type != model.end() && *type != "BPE") {
    return absl::UnimplementedError(absl::StrCat(
        "model.type is ", type->is_string() ? Quoted(type->get<std::string>()) : "no text",
        "; only BPE can be read"));
  }
  if (type == model.end() && !model.contains("merges")) {
    return absl::UnimplementedError("model has no merges; only BPE can be read");
  }
  const auto dropout = model.find("dropout");
  if (dropout != model.end() && !dropout->is_null() && *dropout != 0) {
    return absl::UnimplementedError("model.dropout is set, which makes ids random");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const auto affix = model.find(key);
    if (affix != model.end() && !affix->is_null() && *affix != "") {
      return absl::UnimplementedError(
          absl::StrCat("model.", key, " is set; only models without can be read"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Flag(const json& model, const char* key) {
  const auto flag = model.find(key);
  if (flag == model.end() || flag->is_null()) return false;
  if (!flag->is_boolean()) return Invalid(absl::StrCat("model.", key, " must be true or false"));
  return flag->get<bool>();
}

absl::Status ReadPieces(const json& model, bool byte_fallback, Vocabulary& vocabulary) {
  const auto pieces = model.find("vocab");
  if (pieces == model.end() || !pieces->is_object() || pieces->empty()) {
    return Invalid("model.vocab must be an object with an id for each piece");
  }
  for (const auto& [piece, id] : pieces->items()) {
    if (piece.empty() || piece.size() > kMaxPieceBytes) {
      return Invalid(absl::StrCat("model.vocab has a piece of ", piece.size(), " bytes; 1 to ",
                                  kMaxPieceBytes, " can be read"));
    }
    if (!id.is_number_unsigned() || id.get<uint64_t>() > kMaxTokenId) {
      return Invalid(
          absl::StrCat("model.vocab.", Quoted(piece), " must be a token id up to ", kMaxTokenId));
    }
    const auto index = id.get<size_t>();
    if (index >= vocabulary.pieces.size()) vocabulary.pieces.resize(index + 1);
    if (!vocabulary.pieces[index].empty()) {
      return Invalid(absl::StrCat("model.vocab.", Quoted(piece), " is ", index, ", the id of ",
                                  Quoted(vocabulary.pieces[index])));
    }
    vocabulary.pieces[index] = piece;
  }
  vocabulary.types.resize(vocabulary.pieces.size(), PieceType::kNormal);
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const int byte = byte_fallback ? ByteOfPiece(vocabulary.pieces[id]) : -1;
    if (byte < 0) continue;
    vocabulary.types[id] = PieceType::kByte;
    vocabulary.byte_ids[byte] = static_cast<int32_t>(id);
  }
  return absl::OkStatus();
}

absl::Status ReadUnknown(const json& model, const PieceIds& ids, Vocabulary& vocabulary) {
  const auto unknown = model.find("unk_token");
  if (unknown == model.end() || unknown->is_null()) return absl::OkStatus();
  if (!unknown->is_string()) return Invalid("model.unk_token must be a text");
  const auto found = ids.find(unknown->get_ref<const std::string&>());
  if (found == ids.end()) return Invalid("model.unk_token is not in model.vocab");
  vocabulary.unk_id = found->second;
  vocabulary.unk_surface = vocabulary.pieces[found->second];
  vocabulary.types[found->second] = PieceType::kUnknown;
  return absl::OkStatus();
}

// Returns the two parts of a merge, "a b" or ["a", "b"].
absl::StatusOr<std::pair<std::string_view, std::string_view>> PartsOf(const json& merge) {
  if (merge.is_string()) {
    const std::string_view text = merge.get_ref<const std::string&>();
    const size_t space = text.find(' ');
    if (space != text.npos && text.find(' ', space + 1) == text.npos) {
      return std::make_pair(text.substr(0, space), text.substr(space + 1));
    }
  } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
             merge[1].is_string()) {
    return std::make_pair(std::string_view(merge[0].get_ref<const std::string&>()),
                          std::string_view(merge[1].get_ref<const std::string&>()));
  }
  return Invalid("must be two pieces, as \"a b\" or [\"a\", \"b\"]");
}

absl::StatusOr<MergeTable::Merge> ReadMerge(const json& value, const PieceIds& ids,
                                            const Vocabulary& vocabulary) {
  const auto parts = PartsOf(value);
  if (!parts.ok()) return parts.status();
  const auto id_of = [&](std::string_view piece) {
    const auto found = ids.find(piece);
    return found != ids.end() ? found->second : -1;
  };
  if (parts->first.size() + parts->second.size() > kMaxPieceBytes) {
    return Invalid("is too long");
  }
  const std::string whole = std::string(parts->first) + std::string(parts->second);
  const MergeTable::Merge merge = {id_of(parts->first), id_of(parts->second), id_of(whole)};
  for (const auto& [id, piece] :
       {std::pair(merge.left, parts->first), std::pair(merge.right, parts->second),
        std::pair(merge.merged, std::string_view(whole))}) {
    if (id < 0) {
      return Invalid(absl::StrCat("needs the piece ", Quoted(std::string(piece)),
                                  ", which is not in model.vocab"));
    }
  }
  for (const int32_t id : {merge.left, merge.right}) {
    if (vocabulary.types[id] == PieceType::kByte) {
      return absl::UnimplementedError("merges pieces of bytes, which this version does not");
    }
  }
  return merge;
}

absl::Status ReadMerges(const json& model, const PieceIds& ids, BpeModelJson& bpe) {
  const auto merges = model.find("merges");
  if (merges == model.end() || !merges->is_array()) return Invalid("model.merges must be a list");
  bpe.merges.reserve(merges->size());
  for (size_t i = 0; i < merges->size(); ++i) {
    const auto merge = ReadMerge((*merges)[i], ids, bpe.vocabulary);
    if (!merge.ok()) {
      return absl::Status(merge.status().code(),
                          absl::StrCat("model.merges[", i, "] ", merge.status().message()));
    }
    bpe.merges.push_back(*merge);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BpeModelJson> ReadBpeModel(const json& model) {
  if (const absl::Status status = CheckKind(model); !status.ok()) return status;
  const absl::StatusOr<bool> byte_fallback = Flag(model, "byte_fallback");
  if (!byte_fallback.ok()) return byte_fallback.status();
  const absl::StatusOr<bool> fuse = Flag(model, "fuse_unk");
  if (!fuse.ok()) return fuse.status();
  const absl::StatusOr<bool> ignore_merges = Flag(model, "ignore_merges");
  if (!ignore_merges.ok()) return ignore_merges.status();

  BpeModelJson bpe;
  bpe.options = {.fuse_unknown = *fuse, .ignore_merges = *ignore_merges};
  bpe.vocabulary.byte_ids.fill(-1);
  absl::Status status = ReadPieces(model, *byte_fallback, bpe.vocabulary);
  if (!status.ok()) return status;
  PieceIds ids;
  ids.reserve(bpe.vocabulary.pieces.size());
  for (size_t id = 0; id < bpe.vocabulary.pieces.size(); ++id) {
    const std::string& piece = bpe.vocabulary.pieces[id];
    if (!piece.empty()) ids[piece] = static_cast<int32_t>(id);
  }
  status.Update(ReadUnknown(model, ids, bpe.vocabulary));
  if (status.ok()) status.Update(ReadMerges(model, ids, bpe));
  if (!status.ok()) return status;
  return bpe;
}

}  // namespace octet
