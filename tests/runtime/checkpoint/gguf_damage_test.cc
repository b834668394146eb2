// Forty GGUF models that load, and hundreds of damaged ones that are refused in a sentence.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "runtime/io/utf8.h"
#include "tests/support/gguf_contents.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

using Change = std::function<void(GgufContents&)>;

constexpr char kArray = 9;
constexpr uint32_t kMax32 = std::numeric_limits<uint32_t>::max();
constexpr uint64_t kMax64 = std::numeric_limits<uint64_t>::max();

absl::StatusOr<ModelFiles> Open(const std::string& bytes) {
  MemoryFileSystem files;
  files.files["m.gguf"] = bytes;
  return ModelFiles::Open(files, "m.gguf");
}

// The model computes: each weight lies where it is read.
void ExpectComputes(const ModelFiles& model) {
  RunLocalRanks(1, [&](Communicator& comm) {
    RankModel rank(comm, model, {.max_tokens = 3});
    const std::vector<float> logits = rank.Logits({1, 2, 3}, 3, 1);
    EXPECT_EQ(logits.size(), 3U * model.config.vocab_size);
    EXPECT_TRUE(std::isfinite(logits.back()));
  });
}

// The message is one sentence that names the file.
void ExpectSentence(const absl::Status& status, const std::string& what) {
  const std::string message(status.message());
  EXPECT_THAT(message, testing::StartsWith("m.gguf: ")) << what;
  EXPECT_TRUE(IsUtf8(message)) << what;
  EXPECT_THAT(message, Not(AnyOf(HasSubstr("\n"), HasSubstr(". ")))) << what;
  EXPECT_LT(message.size(), 2000U) << what;
}

void ExpectLoadsOrIsRefused(const std::string& bytes, const std::string& what) {
  const auto model = Open(bytes);
  if (!model.ok()) ExpectSentence(model.status(), what);
}

void ExpectLoads(const Change& change) {
  static int number = 0;
  GgufContents contents = TinyGguf();
  change(contents);
  const auto model = Open(contents.Bytes());
  ++number;
  ASSERT_TRUE(model.ok()) << number << ": " << model.status();
  ExpectComputes(*model);
}

void ExpectRefused(const Change& change, const std::string& part) {
  GgufContents contents = TinyGguf();
  change(contents);
  const auto model = Open(contents.Bytes());
  ASSERT_FALSE(model.ok()) << part;
  ExpectSentence(model.status(), part);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr(part));
}

// Stores a tensor in another type, as zeros.
void Retype(GgufContents& contents, const std::string& name, uint32_t type) {
  GgufContents::Tensor& tensor = contents.tensors[name];
  tensor.type = type;
  tensor.bytes.resize(tensor.bytes.size() / 2);
}

TEST(GgufDamageTest, TypesOfEachTensorLoad) {
  for (const uint32_t type : {1U, 30U}) {
    for (const auto& tensor : TinyGguf().tensors) {
      const std::string& name = tensor.first;
      const bool joined = name == "blk.0.attn_q.weight" || name == "blk.0.attn_k.weight" ||
                          name == "blk.0.attn_v.weight";
      if (!joined) ExpectLoads([&](GgufContents& c) { Retype(c, name, type); });
    }
    ExpectLoads([&](GgufContents& c) {
      for (const char* one : {"q", "k", "v"}) {
        Retype(c, absl::StrCat("blk.0.attn_", one, ".weight"), type);
      }
    });
  }
}

TEST(GgufDamageTest, FormsOfTheMetadataLoad) {
  const auto without = [](const std::string& key) {
    ExpectLoads([&](GgufContents& c) { c.entries.erase(key); });
  };
  for (const auto& [key, entry] : TinyGguf().entries) {
    const bool needed =
        key == "general.architecture" || key.ends_with("_length") || key.ends_with("_count") ||
        key.ends_with("head_count_kv") || key.ends_with("epsilon") || key.ends_with("tokens") ||
        key.ends_with("scores") || key.ends_with("token_type") || key.ends_with("ggml.model");
    if (!needed) without(key);
  }
  without("llama.attention.key_length");
  without("llama.attention.value_length");
  without("llama.rope.dimension_count");
  ExpectLoads([](GgufContents& c) { c.tensors.erase("output.weight"); });
  ExpectLoads([](GgufContents& c) { c.SetFloat("llama.rope.scaling.factor", 2); });
  ExpectLoads([](GgufContents& c) { c.SetZeros("more.weight", {4}); });
  ExpectLoads([](GgufContents& c) { c.Set("llama.expert_feed_forward_length", 3); });
  ExpectLoads([](GgufContents& c) { c.Set("llama.attention.sliding_window", 2); });
  ExpectLoads([](GgufContents& c) { c.SetString("tokenizer.chat_template", "{{"); });
  ExpectLoads([](GgufContents& c) { c.entries["llama.block_count"] = {0, "\1"}; });  // uint8
  ExpectLoads([](GgufContents& c) { c.entries["llama.block_count"] = {5, {1, 0, 0, 0}}; });
}

TEST(GgufDamageTest, EachKeyWithEachWrongTypeIsRefusedOrLoads) {
  const GgufContents::Entry wrong[] = {
      {0, std::string(1, '\xFF')},
      {4, LittleEndian(kMax32)},
      {5, LittleEndian(-1)},
      {6, LittleEndian(NAN)},
      {7, std::string(1, '\1')},
      {8, GgufString("\xFF\n")},
      {8, GgufString("")},
      {kArray, LittleEndian(uint32_t{8}) + LittleEndian(uint64_t{0})},
      {kArray, LittleEndian(uint32_t{6}) + LittleEndian(uint64_t{1}) + LittleEndian(-1.0F)},
      {10, LittleEndian(kMax64)},
      {12, LittleEndian(-1e300)},
  };
  for (const auto& [key, entry] : TinyGguf().entries) {
    for (const GgufContents::Entry& other : wrong) {
      GgufContents contents = TinyGguf();
      contents.entries[key] = other;
      ExpectLoadsOrIsRefused(contents.Bytes(), absl::StrCat(key, " of type ", other.type));
    }
  }
}

TEST(GgufDamageTest, CountsThatNoFileHolds) {
  for (const uint64_t count : {uint64_t{1} << 32, uint64_t{1} << 60, kMax64}) {
    const auto huge = [count](uint32_t type) {
      return GgufContents::Entry{kArray, LittleEndian(type) + LittleEndian(count)};
    };
    ExpectRefused([&](GgufContents& c) { c.entries["tokenizer.ggml.tokens"] = huge(8); },
                  "does not fit");
    ExpectRefused([&](GgufContents& c) { c.entries["tokenizer.ggml.scores"] = huge(6); },
                  "does not fit");
    ExpectRefused(
        [&](GgufContents& c) {
          c.tensors["token_embd.weight"].dims = {count, count};
        },
        "token_embd.weight");
    ExpectRefused(
        [&](GgufContents& c) {
          c.entries["general.name"] = {8, LittleEndian(count)};
        },
        "does not fit");
  }
  for (const char* key : {"block_count", "expert_count", "embedding_length"}) {
    for (const uint32_t value : {1U << 10, 1U << 18, 1U << 31}) {
      ExpectRefused([&](GgufContents& c) { c.Set(absl::StrCat("llama.", key), value); }, "");
    }
  }
}

TEST(GgufDamageTest, TensorsThatOverlapOrLieOutside) {
  for (const uint64_t offset :
       {uint64_t{0}, uint64_t{32}, uint64_t{33}, uint64_t{1} << 40, kMax64 - 31}) {
    GgufWriter writer;
    const GgufContents contents = TinyGguf();
    for (const auto& [key, entry] : contents.entries) writer.Add(key, entry.type, entry.value);
    for (const auto& [name, tensor] : contents.tensors) {
      writer.AddTensor(name, tensor.dims, tensor.type, tensor.bytes);
    }
    writer.tensors[5].offset = offset;
    const auto model = Open(writer.Bytes());
    ASSERT_FALSE(model.ok()) << offset;
    ExpectSentence(model.status(), absl::StrCat(offset));
  }
}

TEST(GgufDamageTest, FilesThatAreCutShort) {
  const std::string whole = TinyGguf().Bytes();
  for (size_t size = 0; size < whole.size(); size += size < 4096 ? 7 : 97) {
    const auto model = Open(whole.substr(0, size));
    ASSERT_FALSE(model.ok()) << size;
    ExpectSentence(model.status(), absl::StrCat("cut at ", size));
  }
}

TEST(GgufDamageTest, BytesThatAreOthers) {
  const std::string whole = TinyGguf().Bytes();
  const size_t header = whole.find("token_embd.weight") + 64;
  std::mt19937_64 random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (int n = i % 3; n >= 0; --n) {
      damaged[random() % header] = static_cast<char>(random());
    }
    ExpectLoadsOrIsRefused(damaged, absl::StrCat("damage ", i));
  }
}

}  // namespace
}  // namespace octet
