#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {

void TokenizerJsonFile(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["m/tokenizer.json"] = bytes;
  const auto tokenizer = LoadTokenizerFor(files, "m");
  if (!tokenizer.ok()) return CheckError(tokenizer.status());
  TryTokenizer(*tokenizer);
}

}  // namespace octet::fuzz
