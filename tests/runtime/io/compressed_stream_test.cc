#include "runtime/io/compressed_stream.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "tests/support/faulty_file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

std::span<const std::byte> TextBytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// What can be read, and how it ended.
struct Read {
  std::string text;
  absl::Status status;
};

Read ReadCompressed(const std::string& bytes, size_t most_bytes_per_read = 1 << 30,
                    size_t room = 10'000) {
  MemoryFileSystem memory;
  memory.files["file"] = bytes;
  FaultyFileSystem files(memory);
  files.most_bytes_per_read = most_bytes_per_read;
  const auto input = Decompressed(files.OpenInput("file").value());
  Read read;
  std::vector<std::byte> buffer(room);
  while (read.status.ok()) {
    const absl::StatusOr<size_t> n = input->Read(buffer);
    read.status = n.status();
    if (!n.ok() || *n == 0) break;
    read.text.append(reinterpret_cast<const char*>(buffer.data()), *n);
  }
  return read;
}

// Made by others: gzip, and the library's function for a whole text.
std::string Gzipped(const std::string& text) {
  const std::string path = TestDirectory() + "/text";
  WriteFile(path, text);
  EXPECT_EQ(RunShell("gzip " + path).exit_code, 0);
  return ReadFile(path + ".gz");
}
std::string Zstandard(const std::string& text) {
  std::string bytes(ZSTD_compressBound(text.size()), '\0');
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), text.data(), text.size(), 3));
  return bytes;
}

// Read by others.
std::string Gunzipped(const std::string& bytes) {
  const std::string path = TestDirectory() + "/text.gz";
  WriteFile(path, bytes);
  EXPECT_EQ(RunShell("gzip -d " + path).exit_code, 0);
  return ReadFile(path.substr(0, path.size() - 3));
}
std::string UnZstandard(const std::string& bytes, size_t size) {
  std::string text(size + 1, '\0');
  const size_t n = ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size());
  EXPECT_EQ(ZSTD_isError(n), 0U) << ZSTD_getErrorName(n);
  text.resize(n);
  return text;
}

std::string Incompressible(size_t bytes) {
  std::mt19937 random(3);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::vector<std::string> Texts() {
  return {"", "a", "a line\n", std::string(3'000'000, 'x'), Incompressible(5'000'000)};
}

TEST(CompressedStream, ReadsWhatOthersCompressed) {
  for (const std::string& text : Texts()) {
    for (const std::string& bytes : {text, Gzipped(text), Zstandard(text)}) {
      const Read read = ReadCompressed(bytes);
      EXPECT_TRUE(read.status.ok()) << read.status;
      EXPECT_TRUE(read.text == text) << read.text.size() << " of " << text.size();
    }
  }
}

TEST(CompressedStream, SeveralStreamsInARowReadAsOne) {
  const std::string zst = Zstandard("one ") + Zstandard("") + Zstandard("two");
  const std::string gz = Gzipped("one ") + Gzipped("") + Gzipped("two");
  // As pzstd writes: a frame with the next one's size before it.
  const std::string size("\x50\x2a\x4d\x18\x04\x00\x00\x00\x0d\x00\x00\x00", 12);
  const std::string pzstd = size + Zstandard("one ") + size + Zstandard("two");
  for (const std::string& bytes : {zst, gz, pzstd}) {
    for (const size_t most : {1, 2, 3, 7, 1000}) {
      for (const size_t room : {1, 3, 1000}) {
        const Read read = ReadCompressed(bytes, most, room);
        EXPECT_TRUE(read.status.ok()) << read.status;
        EXPECT_EQ(read.text, "one two");
      }
    }
  }
}

TEST(CompressedStream, WhatIsCutOffIsAnError) {
  const std::string text = "a text that is long enough to be compressed compressed compressed";
  for (const std::string& bytes : {Gzipped(text), Zstandard(text)}) {
    const size_t magic = bytes[0] == '\x1f' ? 2 : 4;
    for (size_t size = magic; size < bytes.size(); ++size) {
      for (const size_t most : {1, 1000}) {
        const Read read = ReadCompressed(bytes.substr(0, size), most);
        EXPECT_THAT(std::string(read.status.message()),
                    HasSubstr("file: is cut off within a compressed stream"))
            << size;
        EXPECT_TRUE(text.starts_with(read.text));
      }
    }
  }
}

TEST(CompressedStream, DamageAndGarbageAreErrors) {
  const std::string text = Incompressible(1000);
  for (const std::string& bytes : {Gzipped(text), Zstandard(text)}) {
    EXPECT_THAT(std::string(ReadCompressed(bytes + "garbage").status.message()),
                HasSubstr("file: is damaged"));
    // Short garbage may look like the beginning of more.
    EXPECT_FALSE(ReadCompressed(bytes + "g").status.ok());
  }
  std::string bytes = Gzipped(text);  // with a checksum
  for (size_t i = bytes.size() - 500; i < bytes.size(); i += 37) {
    bytes[i] ^= 4;
    EXPECT_FALSE(ReadCompressed(bytes).status.ok()) << i;
    bytes[i] ^= 4;
  }
}

TEST(CompressedStream, OthersReadWhatItCompressed) {
  for (const std::string& text : Texts()) {
    for (const std::string name : {"a", "a.gz", "a.zst"}) {
      MemoryFileSystem memory;
      auto output = CompressedFor(name, memory.CreateOutput("file").value()).value();
      EXPECT_EQ(output->path(), "file");
      std::mt19937 random(4);
      for (size_t at = 0, n = 0; at < text.size(); at += n) {
        n = std::min<size_t>(1 + random() % 200'000, text.size() - at);
        ASSERT_TRUE(output->Write(TextBytes(text).subspan(at, n)).ok());
        if (random() % 8 == 0) {
          ASSERT_TRUE(output->Sync().ok());
        }
      }
      ASSERT_TRUE(output->Sync().ok());
      ASSERT_TRUE(output->Sync().ok());
      ASSERT_TRUE(output->Close().ok());
      const std::string& bytes = memory.files["file"];
      EXPECT_TRUE(ReadCompressed(bytes).text == text);
      std::string back = bytes;
      if (name == "a.gz") back = Gunzipped(bytes);
      if (name == "a.zst") back = UnZstandard(bytes, text.size());
      EXPECT_TRUE(back == text) << name << " " << text.size();
    }
  }
}

TEST(CompressedStream, WhatIsSyncedCanBeRead) {
  for (const char* name : {"a.gz", "a.zst"}) {
    MemoryFileSystem memory;
    auto output = CompressedFor(name, memory.CreateOutput("file").value()).value();
    ASSERT_TRUE(output->Write(TextBytes("first")).ok());
    ASSERT_TRUE(output->Sync().ok());
    ASSERT_TRUE(output->Write(TextBytes("second")).ok());
    EXPECT_EQ(ReadCompressed(memory.files["file"]).text, "first");
    ASSERT_TRUE(output->Close().ok());
    EXPECT_EQ(ReadCompressed(memory.files["file"]).text, "firstsecond");
  }
}

TEST(CompressedStream, ReturnsEveryWriteError) {
  const std::string text = Incompressible(300'000);
  const auto write = [&text](const char* name, FaultyFileSystem& files) -> absl::Status {
    auto base = files.CreateOutput("file");
    if (!base.ok()) return base.status();
    auto output = CompressedFor(name, *std::move(base)).value();
    absl::Status status = output->Write(TextBytes(text));
    if (status.ok()) status = output->Sync();
    if (status.ok()) status = output->Write(TextBytes(text));
    return status.ok() ? output->Close() : status;
  };
  for (const char* name : {"a", "a.gz", "a.zst"}) {
    MemoryFileSystem memory;
    FaultyFileSystem files(memory);
    EXPECT_TRUE(write(name, files).ok());
    for (int64_t calls = files.calls(), i = 0; i < calls; ++i) {
      files.fail_at = files.calls() + i;
      EXPECT_EQ(write(name, files).message(), "file: disk on fire") << name << " " << i;
    }
  }
}

}  // namespace
}  // namespace octet
