#ifndef OCTET_RUNTIME_CHECKPOINT_END_TOKENS_H_
#define OCTET_RUNTIME_CHECKPOINT_END_TOKENS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace octet {

// The tokens that a file names as the first of a text and the last of an answer.
struct NamedTokens {
  std::string file;            // "config.json"
  std::optional<int32_t> bos;  // nullopt: it names none
  std::vector<int32_t> eos;    // empty: it names none
};

// The tokens that end an answer: all that any of a model's files names, sorted, as far as the
// vocabulary has them; those of `otherwise` where no file names one. Adds a warning of what the
// vocabulary has not, of files that disagree on the first token or the end tokens, and of a model
// without any end token.
std::vector<int32_t> JoinEndTokens(std::span<const NamedTokens> files,
                                   std::span<const int32_t> otherwise, int vocab_size,
                                   std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_END_TOKENS_H_
