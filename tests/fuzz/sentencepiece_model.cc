#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"

namespace octet::fuzz {

void SentencePieceFile(const std::string& bytes) {
  const auto tokenizer = Tokenizer::FromBytes(bytes, "tokenizer.model");
  if (!tokenizer.ok()) return CheckError(tokenizer.status());
  TryTokenizer(*tokenizer);
}

}  // namespace octet::fuzz
