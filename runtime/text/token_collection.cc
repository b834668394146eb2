#include "runtime/text/token_collection.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "runtime/io/strict_json.h"

namespace octet {

TokenCollection::TokenCollection(const Vocabulary& vocabulary, std::string where)
    : where_(std::move(where)), next_id_(static_cast<int32_t>(vocabulary.pieces.size())) {
  pieces_.reserve(vocabulary.pieces.size());
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    if (!vocabulary.pieces[id].empty()) {
      pieces_[vocabulary.pieces[id]] = static_cast<int32_t>(id);
    }
  }
}

void TokenCollection::Insert(AddedToken token) {
  by_content_[token.content] = tokens_.size();
  by_id_[token.id] = tokens_.size();
  next_id_ = std::max(next_id_, token.id + 1);
  tokens_.push_back(std::move(token));
}

void TokenCollection::Add(const std::vector<AddedToken>& tokens, const std::string& file,
                          bool noted) {
  const auto note = [&](const AddedToken& token, const std::string& otherwise) {
    if (!noted) return;
    notes_.push_back(absl::StrCat(where_, ": ", file, " has ", Quoted(token.content), " as token ",
                                  token.id, "; ", otherwise));
  };
  for (AddedToken token : tokens) {
    if (const auto known = by_content_.find(token.content); known != by_content_.end()) {
      const AddedToken& other = tokens_[known->second];
      if (other.id != token.id) {
        note(token, absl::StrCat("it is ", other.id, " elsewhere, which counts"));
      } else if (!(other == token)) {
        note(token, "its flags are others elsewhere, which count");
      }
      continue;
    }
    if (const auto piece = pieces_.find(token.content);
        piece != pieces_.end() && piece->second != token.id) {
      note(token, absl::StrCat("that is the piece ", piece->second, ", which counts"));
      token.id = piece->second;
    }
    if (const auto known = by_id_.find(token.id); known != by_id_.end()) {
      note(token, absl::StrCat("that id is ", Quoted(tokens_[known->second].content),
                               " elsewhere, which counts"));
      continue;
    }
    Insert(std::move(token));
  }
}

void TokenCollection::AddNamedToken(const AddedToken& token, bool make_special) {
  if (const auto known = by_content_.find(token.content); known != by_content_.end()) {
    if (make_special) tokens_[known->second].special = true;
    return;
  }
  AddedToken named = token;
  const auto piece = pieces_.find(token.content);
  named.id = piece != pieces_.end() ? piece->second : next_id_;
  if (!by_id_.contains(named.id)) Insert(std::move(named));
}

void TokenCollection::AddNamed(const TokenizerConfig& config, bool make_special) {
  for (const char* role : kTokenRoles) {
    const auto token = config.roles.find(role);
    if (token != config.roles.end() && token->second) AddNamedToken(*token->second, make_special);
  }
  for (const auto& [role, token] : config.roles) {  // the roles of this model alone
    if (token) AddNamedToken(*token, make_special);
  }
  for (const AddedToken& token : config.more_special) AddNamedToken(token, make_special);
}

int32_t TokenCollection::IdOf(const std::string& content) const {
  if (const auto token = by_content_.find(content); token != by_content_.end()) {
    return tokens_[token->second].id;
  }
  const auto piece = pieces_.find(content);
  return piece != pieces_.end() && !by_id_.contains(piece->second) ? piece->second : -1;
}

}  // namespace octet
