// The tokens that a model has besides its pieces, from all its files.

#ifndef OCTET_RUNTIME_TEXT_TOKEN_COLLECTION_H_
#define OCTET_RUNTIME_TEXT_TOKEN_COLLECTION_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/added_tokens.h"
#include "runtime/text/tokenizer_config.h"
#include "runtime/text/vocabulary.h"

namespace octet {

// A collection of added tokens, from the more important file first. It finds their ids.
class TokenCollection {
 public:
  // `vocabulary` must outlive this object. `where` begins each note: the model's directory.
  TokenCollection(const Vocabulary& vocabulary, std::string where);

  // Adds tokens that state their ids. A token whose content is a piece has the piece's id, whatever
  // it states. An earlier file's statement about a content or an id counts. With `noted`, a note
  // says that `file` differs.
  void Add(const std::vector<AddedToken>& tokens, const std::string& file, bool noted);

  // Adds the tokens that roles name, with new ids if no file and no piece has them. With
  // `make_special`, they become special even if other files call them ordinary.
  void AddNamed(const TokenizerConfig& config, bool make_special);

  // Returns the id of a token or a piece, or -1 if there is none.
  int32_t IdOf(const std::string& content) const;

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  std::vector<std::string> TakeNotes() { return std::move(notes_); }

 private:
  void AddNamedToken(const AddedToken& token, bool make_special);
  void Insert(AddedToken token);

  std::string where_;
  int32_t next_id_;                                      // for a token without an id in any file
  absl::flat_hash_map<std::string, int32_t> pieces_;     // ids
  std::vector<AddedToken> tokens_;                       // all different
  absl::flat_hash_map<std::string, size_t> by_content_;  // index in tokens_
  absl::flat_hash_map<int32_t, size_t> by_id_;
  std::vector<std::string> notes_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_TOKEN_COLLECTION_H_
