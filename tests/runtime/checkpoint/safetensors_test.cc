#include "runtime/checkpoint/safetensors.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/support/counting_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/safetensors_writer.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr char kTensorsPath[] = "m/model.safetensors";

absl::StatusOr<SafetensorsFile> OpenBytes(const std::string& bytes) {
  MemoryFileSystem memory;
  memory.files[kTensorsPath] = bytes;
  return SafetensorsFile::Open(memory, kTensorsPath);
}

std::string HeaderError(const std::string& bytes) {
  const auto file = OpenBytes(bytes);
  return file.ok() ? "" : std::string(file.status().message());
}

SafetensorsWriter SmallFile() {
  SafetensorsWriter writer;
  writer.Add("a", DType::kF32, {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  writer.Add("b", DType::kBF16, {2}, std::vector<float>{1, -2});
  writer.Add("scalar", DType::kF16, {}, std::vector<float>{0.5F});
  writer.Add("empty", DType::kF32, {3, 0, 5}, {});
  return writer;
}

TEST(SafetensorsTest, ListsTensorsByOffset) {
  const SafetensorsWriter writer = SmallFile();
  const auto file = OpenBytes(writer.Bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  const uint64_t data = 8 + writer.Header().size();
  ASSERT_EQ(file->tensors().size(), 4U);

  const SafetensorsTensor& a = file->tensors()[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, "F32");
  EXPECT_THAT(a.shape, ElementsAre(2, 3));
  EXPECT_EQ(a.offset, data);
  EXPECT_EQ(a.bytes, 24U);

  EXPECT_EQ(file->tensors()[1].offset, data + 24);
  const SafetensorsTensor& scalar = file->tensors()[2];
  EXPECT_TRUE(scalar.shape.empty());
  EXPECT_EQ(scalar.offset, data + 28);
  EXPECT_EQ(scalar.bytes, 2U);
  EXPECT_EQ(file->tensors()[3].bytes, 0U);
  EXPECT_THAT(file->metadata(), ElementsAre(Pair("format", "pt")));

  uint16_t half = 0;
  ASSERT_TRUE(file->file().Read(scalar.offset, std::as_writable_bytes(std::span(&half, 1))).ok());
  EXPECT_EQ(HalfToFloat(half), 0.5F);
}

TEST(SafetensorsTest, AcceptsWhatTheFormatAllows) {
  const std::string valid[] = {
      SafetensorsBytes("{}", ""),
      SafetensorsBytes("{}        ", ""),
      SafetensorsBytes(R"({"__metadata__":{}})", ""),
      // Listed in any order; an empty tensor shares its offset with the one behind it.
      SafetensorsBytes(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},
                           "z":{"dtype":"I64","shape":[0],"data_offsets":[1,1]},
                           "a":{"data_offsets":[0,1],"shape":[],"dtype":"BOOL"}})",
                       "abc"),
  };
  for (const std::string& bytes : valid) EXPECT_EQ(HeaderError(bytes), "") << bytes;
}

TEST(SafetensorsTest, KnowsEveryDTypeOfTheFormat) {
  const std::pair<std::string, size_t> dtypes[] = {
      // bytes of 8 elements
      {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
      {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
      {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
      {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
      {"I64", 64},        {"U64", 64}};
  SafetensorsWriter writer;
  for (const auto& [dtype, bytes] : dtypes) {
    writer.AddRaw("t." + dtype, dtype, {2, 4}, std::string(bytes, 'x'));
  }
  const auto file = OpenBytes(writer.Bytes());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors().size(), std::size(dtypes));
  EXPECT_EQ(ComputableDType("BF16"), DType::kBF16);
  EXPECT_EQ(ComputableDType("F16"), DType::kF16);
  EXPECT_EQ(ComputableDType("F32"), DType::kF32);
  EXPECT_EQ(ComputableDType("F8_E4M3"), std::nullopt);
}

TEST(SafetensorsTest, RefusesABadFrame) {
  const std::string good = SmallFile().Bytes();
  std::string huge = good;
  huge.replace(0, 8, "\xff\xff\xff\xff\xff\xff\xff\xff");
  std::string limit = good;  // 100,000,001
  limit.replace(0, 8, std::string("\x01\xe1\xf5\x05\0\0\0\0", 8));
  EXPECT_THAT(HeaderError(""), HasSubstr("m/model.safetensors: is 0 bytes long, too short"));
  EXPECT_THAT(HeaderError("1234567"), HasSubstr("too short for the 8-byte header length"));
  EXPECT_THAT(HeaderError(huge), HasSubstr("header length 18446744073709551615 is above"));
  EXPECT_THAT(HeaderError(limit), HasSubstr("header length 100000001 is above the format's limit"));
  EXPECT_THAT(HeaderError(good.substr(0, 50)), HasSubstr("does not fit in the file of 50 bytes"));
  EXPECT_THAT(HeaderError(SafetensorsBytes("", "")), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(HeaderError(SafetensorsBytes(" {}", "")), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(HeaderError(SafetensorsBytes("[]", "")), HasSubstr("does not begin with '{'"));
}

struct BadHeader {
  std::string header;
  std::string data;
  std::string error;
};

void ExpectHeadersRefused(const std::vector<BadHeader>& cases) {
  for (const auto& c : cases) {
    const std::string error = HeaderError(SafetensorsBytes(c.header, c.data));
    EXPECT_THAT(error, HasSubstr(c.error)) << c.header;
    EXPECT_THAT(error, HasSubstr(kTensorsPath)) << c.header;
  }
}

TEST(SafetensorsTest, RefusesAHeaderThatIsNoPlainObject) {
  ExpectHeadersRefused({
      {R"({"a":)", "", "m/model.safetensors: its header: is not valid UTF-8 JSON"},
      {std::string("{}\0\0", 4), "", "NUL byte"},
      {"{}x", "", "not valid UTF-8 JSON"},
      {"{\"\xff\":{}}", "", "not valid UTF-8 JSON"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
           "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       "x", "states the key 'a' twice"},
      {R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", "x",
       "states the key 'dtype' twice"},
      {R"({"__metadata__":{"k":"1","k":"2"}})", "", "states the key 'k' twice"},
      {R"({"__metadata__":[]})", "", "__metadata__ is not an object"},
      {R"({"__metadata__":{"k":1}})", "", "__metadata__ 'k' is not a string"},
  });
}

TEST(SafetensorsTest, RefusesAnEntryWithoutItsFields) {
  ExpectHeadersRefused({
      {R"({"a":[]})", "", "tensor 'a': its entry in the header is not an object"},
      {R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "x", "tensor 'a': has no dtype"},
      {R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "x", "tensor 'a': has no shape"},
      {R"({"a":{"dtype":"U8","shape":[1]}})", "x", "tensor 'a': has no data_offsets"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"extra":0}})", "x",
       "tensor 'a': has the unknown field 'extra'"},
      {R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", "x", "dtype is not a string"},
      {R"({"a":{"dtype":"u8","shape":[1],"data_offsets":[0,1]}})", "x",
       "dtype 'u8' is not of the format"},
  });
}

TEST(SafetensorsTest, RefusesBadShapesAndOffsets) {
  ExpectHeadersRefused({
      {R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", "x", "shape is not an array"},
      {R"({"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", "x", "shape is not an array"},
      {R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", "x", "shape is not an array"},
      {R"({"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}})", "", "shape is not an array"},
      {R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", "x", "shape is not an array"},
      {R"({"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}})", "x",
       "shape is not an array"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", "x",
       "data_offsets is not an array of two"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})", "x",
       "data_offsets is not an array of two"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}})", "x",
       "data_offsets is not an array of two"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", "x",
       "begin at 1, after their end 0"},
  });
}

TEST(SafetensorsTest, RefusesASizeThatIsNotTheShapes) {
  ExpectHeadersRefused({
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "xxxx",
       "tensor 'a': F32 of shape [2] takes 8 bytes, but data_offsets span 4"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})", "",
       "tensor 'a': F32 of shape [4611686018427387904] overflows"},
      {R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", "",
       "overflows"},
      {R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", "xx",
       "no whole number of bytes"},
  });
}

TEST(SafetensorsTest, RefusesHolesAndOverlaps) {
  ExpectHeadersRefused({
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", "xx",
       "tensor 'a': begins at data byte 1, which leaves a hole from 0"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
           "b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       "xxx", "tensor 'b': begins at data byte 1, inside the tensor before it, which ends at 2"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
           "b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       "xx", "tensor 'b': begins at data byte 0, inside"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},
           "z":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
       "xxxx", "tensor 'z': begins at data byte 2, inside"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "x",
       "tensor 'a': ends at data byte 2, but the file has only 1 bytes of data"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "xxx", "1 belong to no tensor"},
      {"{}", "x", "1 belong to no tensor"},
  });
}

TEST(SafetensorsTest, TakesManyTensors) {
  constexpr int kTensors = 60'000;
  std::string header = "{";
  for (int i = 0; i < kTensors; ++i) {
    absl::StrAppend(&header, i > 0 ? "," : "", "\"model.layers.", i, ".weight\":{\"dtype\":\"U8\",",
                    "\"shape\":[1],\"data_offsets\":[", i, ",", i + 1, "]}");
  }
  const auto file = OpenBytes(SafetensorsBytes(header + "}", std::string(kTensors, 'x')));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->tensors().size(), static_cast<size_t>(kTensors));
  EXPECT_EQ(file->tensors().back().name, "model.layers.59999.weight");
}

TEST(SafetensorsTest, ErrorsStayShort) {
  std::string shape = "9";
  for (int i = 0; i < 100'000; ++i) shape += ",9";
  for (const std::string& header :
       {R"({"a":{"dtype":"U8","data_offsets":[0,1],"shape":[)" + shape + "]}}",
        R"({")" + std::string(1'000'000, 'n') + R"(":1})",
        R"({"a":{"dtype":")" + std::string(1'000'000, 'n') +
            R"(","data_offsets":[0,1],"shape":[]}})",
        R"({"a":{"dtype":"U8","data_offsets":[0,1],"shape":[],")" + std::string(1'000'000, 'n') +
            R"(":1}})"}) {
    EXPECT_THAT(HeaderError(SafetensorsBytes(header, "x")),
                testing::SizeIs(testing::AllOf(testing::Gt(0U), testing::Lt(500U))));
  }
}

TEST(SafetensorsTest, OpeningReadsTheHeaderOnly) {
  const SafetensorsWriter writer = SmallFile();
  MemoryFileSystem memory;
  memory.files[kTensorsPath] = writer.Bytes();
  CountingFileSystem counting(memory);
  ASSERT_TRUE(SafetensorsFile::Open(counting, kTensorsPath).ok());
  EXPECT_EQ(counting.BytesRead(), 8 + writer.Header().size());
}

TEST(SafetensorsTest, FingerprintIsOfHeaderAndSize) {
  const std::string header = SmallFile().Header();
  std::string data = SmallFile().Data();
  const uint64_t first = OpenBytes(SafetensorsBytes(header, data))->fingerprint();
  data[0] ^= 1;
  EXPECT_EQ(OpenBytes(SafetensorsBytes(header, data))->fingerprint(), first);
  EXPECT_NE(OpenBytes(SafetensorsBytes(header + " ", data))->fingerprint(), first);
}

TEST(SafetensorsTest, ReadsWhatHuggingFaceWrote) {
  PosixFileSystem posix;
  const std::string directory = std::string(OCTET_SOURCE_DIR) + "/tests/golden/hf/fused_v5/";
  const auto file = SafetensorsFile::Open(posix, directory + "model.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors().size(), 21U);
  EXPECT_TRUE(SafetensorsFile::Open(posix, directory + "expected.safetensors").ok());
}

TEST(SafetensorsWriterTest, RoundsToHalf) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float x = HalfToFloat(static_cast<uint16_t>(half));
    EXPECT_TRUE(std::isnan(x) || ToHalf(x) == half) << half;
  }
  EXPECT_EQ(ToHalf(1 + 0x1p-11F), 0x3c00);  // a tie, to even
  EXPECT_EQ(ToHalf(1 + 0x3p-11F), 0x3c02);  // a tie, to even
  EXPECT_EQ(ToHalf(1 + 0x1.01p-11F), 0x3c01);
  EXPECT_EQ(ToHalf(0x1p-25F), 0);
  EXPECT_EQ(ToHalf(-0x1.8p-24F), 0x8002);
  EXPECT_EQ(ToHalf(65519.F), 0x7bff);
  EXPECT_EQ(ToHalf(65520.F), 0x7c00);
  EXPECT_EQ(ToHalf(-1e30F), 0xfc00);
}

// Nothing that a flipped byte or an early end can make of a file crashes the reader or goes beyond
// the file.
TEST(SafetensorsTest, SurvivesMutations) {
  const std::string good = SmallFile().Bytes();
  std::mt19937 random(1);
  const auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (size_t flips = 1 + below(4); flips > 0; --flips) {
      bytes[below(bytes.size())] = static_cast<char>(random());
    }
    if (below(4) == 0) bytes.resize(below(bytes.size() + 1));
    const auto file = OpenBytes(bytes);
    if (!file.ok()) {
      EXPECT_THAT(std::string(file.status().message()), HasSubstr(kTensorsPath));
      continue;
    }
    ++accepted;
    for (const SafetensorsTensor& tensor : file->tensors()) {
      EXPECT_LE(tensor.offset + tensor.bytes, bytes.size());
    }
  }
  EXPECT_GT(accepted, 0);  // such as a letter of a name
}

}  // namespace
}  // namespace octet
