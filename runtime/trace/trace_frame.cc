#include "runtime/trace/trace_frame.h"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "kernels/base/activity.h"
#include "runtime/trace/trace_writer.h"

namespace octet {
namespace {

constexpr size_t kReadBytes = size_t{32} << 10;
constexpr std::string_view kMagic("\x28\xb5\x2f\xfd", 4);  // RFC 8878, 3.1.1

absl::Status ReadSome(const RandomAccessFile& file, uint64_t offset, std::string& bytes) {
  bytes.resize(std::min<uint64_t>(kReadBytes, file.size() - offset));
  return file.Read(offset, std::as_writable_bytes(std::span(bytes)));
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Grows `content` by a piece. Returns false if it is longer than any block.
bool MakeRoom(ZSTD_outBuffer& out, std::string& content) {
  if (out.pos < out.size) return true;
  if (content.size() >= 2 * kMostTraceBlockBytes) return false;
  content.resize(content.size() + kTraceBlockBytes);
  out.dst = content.data();
  out.size = content.size();
  return true;
}

}  // namespace

absl::StatusOr<std::optional<uint64_t>> ReadFrame(const RandomAccessFile& file, uint64_t offset,
                                                  std::string& content) {
  const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  std::string compressed;
  content.clear();
  ZSTD_outBuffer out = {content.data(), 0, 0};
  while (offset < file.size()) {
    const absl::Status status = ReadSome(file, offset, compressed);
    if (!status.ok()) return status;
    Activity::OfThisThread().Tick();  // reading many blocks is progress
    ZSTD_inBuffer in = {compressed.data(), compressed.size(), 0};
    do {
      if (!MakeRoom(out, content)) return std::nullopt;
      const size_t left = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(left) != 0) return std::nullopt;
      if (left > 0) continue;
      content.resize(out.pos);
      return offset + in.pos;
    } while (in.pos < in.size || out.pos == out.size);
    offset += in.size;
  }
  return std::nullopt;
}

absl::StatusOr<uint64_t> FindFrame(const RandomAccessFile& file, uint64_t offset) {
  std::string bytes;
  while (offset + kMagic.size() <= file.size()) {
    const absl::Status status = ReadSome(file, offset, bytes);
    if (!status.ok()) return status;
    const size_t found = bytes.find(kMagic);
    if (found != std::string::npos) return offset + found;
    offset += bytes.size() - (kMagic.size() - 1);
  }
  return file.size();
}

}  // namespace octet
