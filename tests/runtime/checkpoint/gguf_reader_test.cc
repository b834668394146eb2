#include "runtime/checkpoint/gguf_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace octet {
namespace {

// A file of a terabyte of zeros, of which only the first bytes can be read.
class HugeFile : public RandomAccessFile {
 public:
  absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > 0) return absl::DataLossError("huge.gguf: the disk is broken");
    std::fill(out.begin(), out.end(), std::byte{0});
    return absl::OkStatus();
  }
  uint64_t size() const override { return uint64_t{1} << 40; }
  const std::string& path() const override { return path_; }

 private:
  const std::string path_ = "huge.gguf";
};

TEST(GgufReaderTest, AHeaderHasAnEnd) {
  const HugeFile file;
  GgufReader reader(file);
  reader.SetPlace("metadata 'k'");
  EXPECT_TRUE(reader.HasElements(uint64_t{1} << 28, 1, "value"));
  EXPECT_FALSE(reader.HasElements((uint64_t{1} << 28) + 1, 1, "value"));
  EXPECT_EQ(reader.status().message(),
            "huge.gguf: metadata 'k': its value of 268435457 bytes at byte 0 ends after byte "
            "268435456, the most that Octet reads as a header; download the file again, or "
            "convert the model to GGUF anew");
}

TEST(GgufReaderTest, TheFirstErrorStays) {
  const HugeFile file;
  GgufReader reader(file);
  reader.SetPlace("header");
  EXPECT_EQ(reader.Numbers<uint8_t>(64 << 10, "bytes").size(), size_t{64} << 10);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.Number<uint32_t>("number"), 0U);
  EXPECT_EQ(reader.status().message(), "huge.gguf: the disk is broken");
  reader.Fail("is something else");
  EXPECT_EQ(reader.String("text"), "");
  EXPECT_TRUE(reader.Numbers<uint8_t>(1, "bytes").empty());
  EXPECT_EQ(reader.status().message(), "huge.gguf: the disk is broken");
  EXPECT_EQ(reader.offset(), uint64_t{64} << 10);
}

}  // namespace
}  // namespace octet
