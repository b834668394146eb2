#include "runtime/text/tokenizer_config.h"

#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

constexpr char kTokenizer[] = R"({
  "added_tokens": [{"id": 2, "content": "</s>", "special": true}],
  "model": {"type": "BPE", "unk_token": "<unk>",
            "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4, "c": 5, "▁": 6, "ab": 7},
            "merges": ["a b"]}})";

}  // namespace

void TokenizerConfigFiles(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["m/tokenizer.json"] = kTokenizer;
  const char* const names[] = {"tokenizer_config.json", "special_tokens_map.json",
                               "added_tokens.json"};
  const std::vector<std::string> texts = SplitTexts(bytes, std::size(names));
  for (size_t i = 0; i < texts.size(); ++i) files.files[JoinPath("m", names[i])] = texts[i];
  const auto tokenizer = LoadTokenizerFor(files, "m");
  if (!tokenizer.ok()) return CheckError(tokenizer.status());
  TryTokenizer(*tokenizer);
}

}  // namespace octet::fuzz
