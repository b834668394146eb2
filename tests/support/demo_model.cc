#include "tests/support/demo_model.h"

#include <gtest/gtest.h>

#include "runtime/io/file.h"

namespace octet {

Tokenizer LoadTokenizerOrDie(const std::string& path) {
  PosixFileSystem files;
  auto tokenizer = LoadTokenizerFor(files, path);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

Tokenizer DemoTokenizer() { return LoadTokenizerOrDie(kDemoModel); }

}  // namespace octet
