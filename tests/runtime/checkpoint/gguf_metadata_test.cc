#include "runtime/checkpoint/gguf_metadata.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/checkpoint/gguf_file.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<GgufFile> OpenMetadata(const GgufWriter& writer) {
  MemoryFileSystem memory;
  memory.files["metadata.gguf"] = writer.Bytes();
  return GgufFile::Open(memory, "metadata.gguf");
}

TEST(GgufMetadataTest, ReadsEveryTypeOfMetadata) {
  GgufWriter writer;
  writer.Add("u8", 0, "\xff");
  writer.Add("i8", 1, "\xff");
  writer.Add("u16", 2, LittleEndian<uint16_t>(65535));
  writer.Add("i16", 3, LittleEndian<int16_t>(-2));
  writer.Add("u32", 4, LittleEndian<uint32_t>(70000));
  writer.Add("i32", 5, LittleEndian<int32_t>(-3));
  writer.Add("f32", 6, LittleEndian(0.1F));
  writer.Add("bool", 7, "\x01");
  writer.AddString("string", std::string("a\0\xff", 3));
  writer.AddArray("array", 8, 2, GgufString("x") + GgufString(""));
  writer.Add("u64", 10, LittleEndian<uint64_t>(uint64_t{1} << 60));
  writer.Add("i64", 11, LittleEndian<int64_t>(-4));
  writer.Add("f64", 12, LittleEndian(12345678.25));
  const auto file = OpenMetadata(writer);
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<std::string> lines;
  for (const auto& [key, value] : file->metadata().entries()) {
    lines.push_back(absl::StrCat(key, " ", GgufTypeName(value), " ", GgufValueText(value)));
  }
  EXPECT_THAT(
      lines,
      ElementsAre("u8 uint8 255", "i8 int8 -1", "u16 uint16 65535", "i16 int16 -2",
                  "u32 uint32 70000", "i32 int32 -3", "f32 float32 0.1", "bool bool true",
                  "string string 'a\\x00\\xff'", "array array of string ['x', '']",
                  "u64 uint64 1152921504606846976", "i64 int64 -4", "f64 float64 12345678.25"));
}

TEST(GgufMetadataTest, ReadsArraysOfEveryType) {
  GgufWriter writer;
  const auto pair_of = [](const std::string& element) { return element + element; };
  writer.AddArray("u8", 0, 2, "ab");
  writer.AddArray("i8", 1, 2, pair_of("\xff"));
  writer.AddArray("u16", 2, 2, pair_of(LittleEndian<uint16_t>(7)));
  writer.AddArray("i16", 3, 2, pair_of(LittleEndian<int16_t>(-7)));
  writer.AddArray("u32", 4, 2, pair_of(LittleEndian<uint32_t>(8)));
  writer.AddArray("i32", 5, 2, pair_of(LittleEndian<int32_t>(-8)));
  writer.AddArray("f32", 6, 2, pair_of(LittleEndian(0.5F)));
  writer.AddArray("bool", 7, 2, std::string("\0\x01", 2));
  writer.AddArray("u64", 10, 2, pair_of(LittleEndian<uint64_t>(9)));
  writer.AddArray("i64", 11, 10, std::string(80, '\0'));
  writer.AddArray("f64", 12, 0, "");
  const auto file = OpenMetadata(writer);
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<std::string> lines;
  for (const auto& [key, value] : file->metadata().entries()) {
    lines.push_back(absl::StrCat(GgufTypeName(value), " ", GgufValueText(value)));
  }
  EXPECT_THAT(lines, ElementsAre("array of uint8 [97, 98]", "array of int8 [-1, -1]",
                                 "array of uint16 [7, 7]", "array of int16 [-7, -7]",
                                 "array of uint32 [8, 8]", "array of int32 [-8, -8]",
                                 "array of float32 [0.5, 0.5]", "array of bool [false, true]",
                                 "array of uint64 [9, 9]",
                                 "array of int64 [0, 0, 0, 0, 0, 0, 0, 0, …] with 10 elements",
                                 "array of float64 []"));
}

TEST(GgufMetadataTest, ValuesAreGotByTheirTypes) {
  GgufMetadata metadata("m.gguf");
  EXPECT_TRUE(metadata.Add("count", uint16_t{3}));
  EXPECT_TRUE(metadata.Add("below", int32_t{-1}));
  EXPECT_TRUE(metadata.Add("name", std::string("x")));
  EXPECT_FALSE(metadata.Add("name", true));
  EXPECT_EQ(metadata.Get<std::string>("name").value(), "x");
  EXPECT_EQ(metadata.GetUnsigned("count").value(), 3U);
  EXPECT_EQ(metadata.Find("none"), nullptr);
  EXPECT_EQ(metadata.Get<uint16_t>("none").status().message(),
            "m.gguf: its metadata have no 'none'; convert the model to GGUF anew");
  EXPECT_EQ(metadata.Get<std::vector<float>>("count").status().message(),
            "m.gguf: metadata 'count' has the type uint16 and the value 3, but the type array of "
            "float32 is expected; convert the model to GGUF anew");
  EXPECT_EQ(metadata.GetUnsigned("below").status().message(),
            "m.gguf: metadata 'below' has the type int32 and the value -1, but the type integer "
            "that is not negative is expected; convert the model to GGUF anew");
  EXPECT_THAT(std::string(metadata.GetUnsigned("name").status().message()),
              HasSubstr("'name' has the type string and the value 'x'"));
}

}  // namespace
}  // namespace octet
