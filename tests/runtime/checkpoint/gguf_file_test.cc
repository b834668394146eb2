#include "runtime/checkpoint/gguf_file.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/counting_file_system.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kGgufAdvice[] = "; download the file again, or convert the model to GGUF anew";

absl::StatusOr<GgufFile> OpenGguf(const std::string& bytes) {
  MemoryFileSystem memory;
  memory.files["m.gguf"] = bytes;
  return GgufFile::Open(memory, "m.gguf");
}

std::string GgufError(const std::string& bytes) {
  const auto file = OpenGguf(bytes);
  return file.ok() ? "" : std::string(file.status().message());
}

// Expects a sentence between the path and the advice.
void ExpectGgufRefused(const std::string& bytes, const std::string& sentence) {
  EXPECT_EQ(GgufError(bytes), absl::StrCat("m.gguf: ", sentence, kGgufAdvice));
}

GgufWriter SmallGguf() {
  GgufWriter writer;
  writer.AddString("general.architecture", "llama");
  writer.AddUint32("llama.block_count", 2);
  writer.AddTensor("a", {3, 2}, 0, std::string(24, 'a'));
  writer.AddTensor("b", {64, 2}, 2, std::string(72, 'b'));
  return writer;
}

TEST(GgufFileTest, ListsTensorsByOffset) {
  const GgufWriter writer = SmallGguf();
  const auto file = OpenGguf(writer.Bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->version(), 3U);
  EXPECT_EQ(file->alignment(), 32U);
  EXPECT_EQ(file->file().path(), "m.gguf");
  ASSERT_EQ(file->tensors().size(), 2U);
  const GgufTensor& a = file->tensors()[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_STREQ(a.type->name, "F32");
  EXPECT_THAT(a.shape, ElementsAre(2, 3));
  EXPECT_EQ(a.bytes, 24U);
  const GgufTensor& b = file->tensors()[1];
  EXPECT_STREQ(b.type->name, "Q4_0");
  EXPECT_THAT(b.shape, ElementsAre(2, 64));
  EXPECT_EQ(b.bytes, 72U);
  EXPECT_EQ(b.offset, a.offset + 32);
  std::string bytes(72, '\0');
  ASSERT_TRUE(file->file().Read(b.offset, std::as_writable_bytes(std::span(bytes))).ok());
  EXPECT_EQ(bytes, std::string(72, 'b'));
}

TEST(GgufFileTest, AcceptsWhatTheFormatAllows) {
  EXPECT_EQ(GgufError(GgufWriter().Header()), "");  // no padding where nothing follows
  GgufWriter second = SmallGguf();
  second.version = 2;
  EXPECT_EQ(GgufError(second.Bytes()), "");
  GgufWriter any_order = SmallGguf();
  std::swap(any_order.tensors[0], any_order.tensors[1]);
  EXPECT_EQ(GgufError(any_order.Bytes()), "");
  GgufWriter with_hole = SmallGguf();
  with_hole.tensors[1].offset = 64;
  with_hole.data += std::string(64, 'x');
  EXPECT_EQ(GgufError(with_hole.Bytes()), "");
  GgufWriter sizes;
  sizes.AddTensor("scalar", {}, 30, "12");
  sizes.AddTensor("empty", {0}, 0, "");
  sizes.AddTensor("four", {2, 1, 2, 1}, 24, "1234");
  const auto file = OpenGguf(sizes.Bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors()[0].bytes, 2U);
  EXPECT_EQ(file->tensors()[1].bytes, 0U);
  EXPECT_THAT(file->tensors()[2].shape, ElementsAre(1, 2, 1, 2));
}

TEST(GgufFileTest, TheAlignmentIsThatOfTheMetadata) {
  GgufWriter writer;
  writer.alignment = 256;
  writer.AddUint32("general.alignment", 256);
  writer.AddTensor("a", {1}, 24, "a");
  writer.AddTensor("b", {1}, 24, "b");
  const auto file = OpenGguf(writer.Bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->alignment(), 256U);
  EXPECT_EQ(file->tensors()[0].offset, 256U);
  EXPECT_EQ(file->tensors()[1].offset, 512U);
}

// The bytes of 256 elements, and a block: from ggml's sources.
TEST(GgufFileTest, KnowsEveryTypeOfTensors) {
  const std::pair<uint32_t, uint64_t> bytes_of_256[] = {
      {0, 1024}, {1, 512},  {2, 144},  {3, 160},   {6, 176},   {7, 192},   {8, 272},
      {9, 288},  {10, 84},  {11, 110}, {12, 144},  {13, 176},  {14, 210},  {15, 292},
      {16, 66},  {17, 74},  {18, 98},  {19, 50},   {20, 144},  {21, 110},  {22, 82},
      {23, 136}, {24, 256}, {25, 512}, {26, 1024}, {27, 2048}, {28, 2048}, {29, 56},
      {30, 512}, {34, 54},  {35, 66},  {39, 136},  {40, 144},  {41, 36}};
  GgufWriter writer;
  for (const auto& [type, bytes] : bytes_of_256) {
    writer.AddTensor(absl::StrCat("t", type), {256}, type, std::string(bytes, 'x'));
  }
  const auto file = OpenGguf(writer.Bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->tensors().size(), std::size(bytes_of_256));
  for (size_t i = 0; i < std::size(bytes_of_256); ++i) {
    EXPECT_EQ(file->tensors()[i].type->id, bytes_of_256[i].first);
    EXPECT_EQ(file->tensors()[i].bytes, bytes_of_256[i].second) << file->tensors()[i].type->name;
  }
}

TEST(GgufFileTest, ReadsTheHeaderAndLittleMore) {
  GgufWriter writer;
  std::string tokens;
  for (int i = 0; i < 100'000; ++i) tokens += GgufString(absl::StrCat("token ", i));
  writer.AddArray("tokenizer.ggml.tokens", 8, 100'000, tokens);
  writer.AddString("long", std::string(200'000, 'x'));
  writer.AddTensor("weight", {1 << 20}, 24, std::string(1 << 20, 'x'));
  MemoryFileSystem memory;
  memory.files["m.gguf"] = writer.Bytes();
  CountingFileSystem counting(memory);
  const auto file = GgufFile::Open(counting, "m.gguf");
  ASSERT_TRUE(file.ok()) << file.status();
  const auto strings =
      file->metadata().Get<std::vector<std::string>>("tokenizer.ggml.tokens").value();
  EXPECT_EQ(strings.size(), 100'000U);
  EXPECT_EQ(strings.back(), "token 99999");
  EXPECT_EQ(file->metadata().Get<std::string>("long").value(), std::string(200'000, 'x'));
  EXPECT_LT(counting.BytesRead("m.gguf"), writer.Header().size() + (70 << 10));
  EXPECT_LT(counting.Reads("m.gguf").size(), 60U);
}

TEST(GgufFileTest, RefusesABadFrame) {
  const std::string good = SmallGguf().Bytes();
  ExpectGgufRefused("", "does not begin with 'GGUF': not a GGUF file");
  ExpectGgufRefused("GGU", "does not begin with 'GGUF': not a GGUF file");
  ExpectGgufRefused("ggml" + good.substr(4), "does not begin with 'GGUF': not a GGUF file");
  ExpectGgufRefused(
      "GGUF\x03",
      "header: its version of 4 bytes at byte 4 does not fit in the file of 5 bytes: the "
      "file is cut short or damaged");
  GgufWriter writer;
  for (const uint32_t version : {0, 1, 4}) {
    writer.version = version;
    ExpectGgufRefused(
        writer.Bytes(),
        absl::StrCat("has version ", version, " of GGUF, and Octet reads the versions 2 and 3"));
  }
  writer.version = 0x03000000;
  EXPECT_EQ(GgufError(writer.Bytes()),
            "m.gguf: is a big-endian GGUF file of version 3, and Octet reads little-endian ones; "
            "convert it with gguf-convert-endian");
  EXPECT_THAT(GgufError("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n"),
              HasSubstr("m.gguf: is a Git LFS pointer"));
}

TEST(GgufFileTest, RefusesCountsThatCannotBe) {
  std::string bytes = GgufWriter().Bytes();  // of 32 bytes
  bytes.replace(16, 8, LittleEndian(uint64_t{1} << 60));
  ExpectGgufRefused(
      bytes,
      "header: its metadata of 1152921504606846976 elements at byte 24 does not fit in "
      "the file of 32 bytes: the file is cut short or damaged");
  bytes = GgufWriter().Bytes();
  bytes.replace(8, 8, std::string(8, '\xff'));
  ExpectGgufRefused(
      bytes,
      "header: its list of tensors of 18446744073709551615 elements at byte 24 does not "
      "fit in the file of 32 bytes: the file is cut short or damaged");
  GgufWriter array;
  array.AddArray("k", 10, uint64_t{1} << 61, "");
  ExpectGgufRefused(
      array.Bytes(),
      "metadata 'k': its array of 2305843009213693952 elements at byte 49 does not fit "
      "in the file of 64 bytes: the file is cut short or damaged");
  GgufWriter text;
  text.Add("k", 8, LittleEndian(uint64_t{1} << 60));
  ExpectGgufRefused(
      text.Bytes(),
      "metadata 'k': its value of 1152921504606846976 bytes at byte 45 does not fit in "
      "the file of 64 bytes: the file is cut short or damaged");
}

TEST(GgufFileTest, RefusesBadMetadata) {
  const auto expect_refused = [](uint32_t type, const std::string& value,
                                 const std::string& sentence) {
    GgufWriter writer;
    writer.AddUint32("first", 1);
    writer.Add("k\n", type, value);
    ExpectGgufRefused(writer.Bytes(), absl::StrCat("metadata 'k\\n': ", sentence));
  };
  const std::string one = LittleEndian<uint64_t>(1);
  expect_refused(13, "", "its value has the type 13, which is not of the format");
  expect_refused(9, LittleEndian(13) + one,
                 "its elements have the type 13, which is not of the format");
  expect_refused(9, LittleEndian(9) + one,
                 "its value is an array of arrays, which Octet does not read");
  expect_refused(7, "\x02", "its value is a bool of 2, not 0 or 1");
  expect_refused(9, LittleEndian(7) + one + "\xff", "its element is a bool of 255, not 0 or 1");
  GgufWriter twice;
  twice.AddUint32("k", 1);
  twice.AddString("k", "x");
  ExpectGgufRefused(twice.Bytes(), "metadata 'k': is there twice");
}

TEST(GgufFileTest, RefusesABadAlignment) {
  for (const uint32_t alignment : {0, 24}) {
    GgufWriter writer;
    writer.AddUint32("general.alignment", alignment);
    ExpectGgufRefused(writer.Bytes(), absl::StrCat("metadata 'general.alignment': is ", alignment,
                                                   ", which is not a power of two"));
  }
  GgufWriter writer;
  writer.AddString("general.alignment", "32");
  EXPECT_EQ(GgufError(writer.Bytes()),
            "m.gguf: metadata 'general.alignment' has the type string and the value '32', but the "
            "type uint32 is expected; convert the model to GGUF anew");
}

void ExpectTensorRefused(const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset,
                         const std::string& sentence) {
  GgufWriter writer;
  writer.tensors.push_back({"t", dims, type, offset});
  writer.data = std::string(64, 'x');
  ExpectGgufRefused(writer.Bytes(), absl::StrCat("tensor 't': ", sentence));
}

TEST(GgufFileTest, RefusesATensorThatIsNotOfTheFormat) {
  ExpectTensorRefused({1, 1, 1, 1, 1}, 0, 0, "has 5 dimensions, but at most 4 are of the format");
  ExpectTensorRefused({33, 2}, 2, 0,
                      "Q4_0 of shape [2, 33] has rows of 33 elements, which are no whole blocks of "
                      "32");
  ExpectTensorRefused({}, 12, 0,
                      "Q4_K of shape [] has rows of 1 elements, which are no whole blocks of 256");
  ExpectTensorRefused({uint64_t{1} << 62}, 0, 0,
                      "F32 of shape [4611686018427387904] overflows 64 bits");
  ExpectTensorRefused({uint64_t{1} << 31, uint64_t{1} << 31, 4}, 24, 0,
                      "I8 of shape [4, 2147483648, 2147483648] overflows 64 bits");
  ExpectTensorRefused({4}, 0, 8,
                      "begins at data byte 8, which is not a multiple of the alignment "
                      "32");
  GgufWriter unknown;
  unknown.tensors.push_back({"t", {1}, 4, 0});
  EXPECT_THAT(GgufError(unknown.Bytes()),
              HasSubstr("m.gguf: tensor 't': has the type 4, which Octet does not know; it knows "
                        "F32 (0), F16 (1), Q4_0 (2), Q4_1 (3), Q5_0 (6), "));
}

TEST(GgufFileTest, RefusesTensorsInWrongPlaces) {
  ExpectTensorRefused({65}, 24, 0,
                      "has 65 bytes from data byte 0, but the file has only 64 bytes of data: the "
                      "file is cut short");
  ExpectTensorRefused({1}, 24, uint64_t{1} << 63,
                      "has 1 bytes from data byte 9223372036854775808, but the file has only 64 "
                      "bytes of data: the file is cut short");
  GgufWriter overlap = SmallGguf();
  overlap.tensors[1].offset = 0;
  ExpectGgufRefused(
      overlap.Bytes(),
      "tensor 'b': begins at data byte 0, inside the tensor before it, which ends at 24");
  GgufWriter twice = SmallGguf();
  twice.tensors[1].name = "a";
  ExpectGgufRefused(twice.Bytes(), "tensor 'a': is there twice");
}

// A file with all kinds of fields.
std::string FileToDamage() {
  GgufWriter writer = SmallGguf();
  writer.AddArray("tokens", 8, 2, GgufString("<s>") + GgufString("a"));
  writer.AddArray("flags", 7, 2, std::string("\0\x01", 2));
  writer.AddArray("scores", 6, 2, LittleEndian(1.0F) + LittleEndian(2.0F));
  writer.AddUint32("general.alignment", 32);
  return writer.Bytes();
}

TEST(GgufFileTest, RefusesEveryTruncatedFile) {
  const std::string good = FileToDamage();
  ASSERT_EQ(GgufError(good), "");
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(GgufError(good.substr(0, length)), HasSubstr("m.gguf: ")) << length;
  }
}

// A range of the bytes is left out, or one bit is another: read or refused in a sentence.
TEST(GgufFileTest, ReadsOrRefusesEveryDamagedFile) {
  const std::string good = FileToDamage();
  std::vector<std::string> damaged;
  for (size_t begin = 0; begin < good.size(); begin += 3) {
    for (const size_t bytes : {1, 4, 8, 33}) {
      damaged.push_back(std::string(good).erase(begin, bytes));
    }
  }
  for (size_t i = 0; i < 8 * good.size(); ++i) {
    damaged.push_back(good);
    damaged.back()[i / 8] = static_cast<char>(damaged.back()[i / 8] ^ (1 << i % 8));
  }
  int read = 0;
  for (const std::string& bytes : damaged) {
    const auto file = OpenGguf(bytes);
    if (!file.ok()) {
      EXPECT_THAT(std::string(file.status().message()), testing::StartsWith("m.gguf: "));
      continue;
    }
    ++read;
    for (const GgufTensor& tensor : file->tensors()) {
      EXPECT_LE(tensor.offset, bytes.size());
      EXPECT_LE(tensor.bytes, bytes.size() - tensor.offset);
    }
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, static_cast<int>(damaged.size()));
}

}  // namespace
}  // namespace octet
