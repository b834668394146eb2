#include "runtime/text/streaming_decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "runtime/io/utf8.h"
#include "tests/support/demo_model.h"
#include "tests/support/sentencepiece_model.h"

namespace octet {
namespace {

using sentencepiece::ModelProto;

// Pieces, control pieces and many bytes: of whole characters, of cut ones and of none.
std::vector<int32_t> RandomIds(const Tokenizer& tokenizer, std::mt19937& random) {
  std::vector<int32_t> ids;
  const size_t size = random() % 12;
  while (ids.size() < size) {
    const std::string character = (const char*[]){"é", "€", "😀", "\n"}[random() % 4];
    switch (random() % 4) {
      case 0:
        for (const char byte : character) ids.push_back(3 + static_cast<uint8_t>(byte));
        if (random() % 3 == 0) ids.pop_back();
        break;
      case 1:
        ids.push_back(static_cast<int32_t>(3 + random() % 256));
        break;
      case 2:
        ids.push_back(static_cast<int32_t>(random() % 3));
        break;
      default:
        ids.push_back(static_cast<int32_t>(random() % tokenizer.vocab_size()));
    }
  }
  return ids;
}

TEST(StreamingDecoder, GivesInPiecesWhatDecodeGivesAsAWhole) {
  const Tokenizer tokenizer = DemoTokenizer();
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::vector<int32_t> prompt = RandomIds(tokenizer, random);
    if (round % 2 == 0)
      prompt.push_back(259 + static_cast<int32_t>(random() % 1000));  // ends a character
    const std::vector<int32_t> tokens = RandomIds(tokenizer, random);
    std::vector<int32_t> whole = prompt;
    whole.insert(whole.end(), tokens.begin(), tokens.end());

    StreamingDecoder decoder(tokenizer, prompt);
    std::string text;
    for (const int32_t id : tokens) {
      const std::string part = decoder.Add(id);
      ASSERT_TRUE(IsUtf8(part)) << part;
      text += part;
    }
    text += decoder.Finish();
    const std::string expected = tokenizer.Decode(whole);
    if (round % 2 == 0) {
      ASSERT_EQ(tokenizer.Decode(prompt) + text, expected);
    } else {
      ASSERT_TRUE(expected.ends_with(text)) << expected << " / " << text;
    }
  }
}

TEST(StreamingDecoder, KeepsTheSpaceOfAContinuationAndWaitsForWholeCharacters) {
  ModelProto model = BareModel(/*byte_fallback=*/true);
  AddPiece(model, "▁the");  // 259
  const Tokenizer tokenizer = MakeTokenizer(model);
  const std::vector<int32_t> prompt = {kBos, 259};
  StreamingDecoder decoder(tokenizer, prompt);
  EXPECT_EQ(decoder.Add(259), " the");
  EXPECT_EQ(decoder.Add(3 + 0xE2), "");
  EXPECT_EQ(decoder.Add(3 + 0x82), "");
  EXPECT_EQ(decoder.Add(3 + 0xAC), "€");
  EXPECT_EQ(decoder.Add(3 + 0xE2), "");
  EXPECT_EQ(decoder.Add(3 + 'x'), "�x");
  EXPECT_EQ(decoder.Add(3 + 0xF0), "");
  EXPECT_EQ(decoder.Finish(), "�");
  StreamingDecoder at_start(tokenizer, std::vector<int32_t>{kBos});
  EXPECT_EQ(at_start.Add(259), "the");
}

}  // namespace
}  // namespace octet
