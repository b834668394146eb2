#include "runtime/io/compressed_stream.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace octet {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;
constexpr int kZstdLevel = 3;         // the library's default
constexpr int kGzipWindow = 15 + 16;  // zlib's code for: with a gzip header

// A stream whose first bytes can be read ahead.
class PeekedInput : public InputStream {
 public:
  explicit PeekedInput(std::unique_ptr<InputStream> base) : base_(std::move(base)) {}

  // Returns whether the stream begins with these bytes, at most eight.
  absl::StatusOr<bool> BeginsWith(std::string_view magic) {
    while (peeked_.size() < magic.size()) {
      std::byte bytes[8];
      const absl::StatusOr<size_t> n = base_->Read(bytes);
      if (!n.ok()) return n.status();
      if (*n == 0) return false;
      peeked_.append(reinterpret_cast<const char*>(bytes), *n);
    }
    return peeked_.starts_with(magic);
  }

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    if (peeked_.empty()) return base_->Read(out);
    const size_t n = std::min(out.size(), peeked_.size());
    std::memcpy(out.data(), peeked_.data(), n);
    peeked_.erase(0, n);
    return n;
  }

  bool WaitUntilReady(std::chrono::milliseconds patience) override {
    return !peeked_.empty() || base_->WaitUntilReady(patience);
  }

  const std::string& path() const override { return base_->path(); }

 private:
  std::unique_ptr<InputStream> base_;
  std::string peeked_;
};

// The common part of both decompressors. Reads compressed bytes as they are needed.
class DecompressedInput : public InputStream {
 public:
  explicit DecompressedInput(std::unique_ptr<InputStream> base)
      : base_(std::move(base)), buffer_(kBufferBytes) {}

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    while (true) {
      if (compressed_.empty() && !ended_) {
        const absl::StatusOr<size_t> n = base_->Read(buffer_);
        if (!n.ok()) return n.status();
        compressed_ = std::span(buffer_).first(*n);
        ended_ = *n == 0;
      }
      if (compressed_.empty() && between_streams_) return size_t{0};
      absl::StatusOr<size_t> n = Decompress(compressed_, out);
      if (!n.ok() || *n > 0) return n;
      if (ended_ && !between_streams_) {
        return absl::DataLossError(absl::StrCat(path(), ": is cut off within a compressed stream"));
      }
    }
  }

  bool WaitUntilReady(std::chrono::milliseconds patience) override {
    return !compressed_.empty() || ended_ || base_->WaitUntilReady(patience);
  }

  const std::string& path() const override { return base_->path(); }

 protected:
  absl::Status Damaged(const char* reason) const {
    return absl::DataLossError(absl::StrCat(path(), ": is damaged: ", reason));
  }

  bool between_streams_ = true;  // all streams so far were complete

 private:
  // Takes bytes from the front of `in`. Returns the number of bytes written to `out`.
  virtual absl::StatusOr<size_t> Decompress(std::span<std::byte>& in, std::span<std::byte> out) = 0;

  std::unique_ptr<InputStream> base_;
  std::vector<std::byte> buffer_;
  std::span<std::byte> compressed_;
  bool ended_ = false;
};

class GzipInput : public DecompressedInput {
 public:
  explicit GzipInput(std::unique_ptr<InputStream> base) : DecompressedInput(std::move(base)) {
    ready_ = inflateInit2(&z_, kGzipWindow) == Z_OK;
  }
  GzipInput(const GzipInput&) = delete;
  GzipInput& operator=(const GzipInput&) = delete;
  ~GzipInput() override { inflateEnd(&z_); }

 private:
  absl::StatusOr<size_t> Decompress(std::span<std::byte>& in, std::span<std::byte> out) override {
    if (!ready_) return absl::ResourceExhaustedError("zlib has no memory");
    z_.next_in = reinterpret_cast<Bytef*>(in.data());
    z_.avail_in = static_cast<uInt>(in.size());
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(std::min(out.size(), kBufferBytes));
    const uInt room = z_.avail_out;
    const int code = inflate(&z_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return Damaged(z_.msg != nullptr ? z_.msg : "not gzip");
    }
    in = in.last(z_.avail_in);
    between_streams_ = code == Z_STREAM_END;
    if (between_streams_) inflateReset(&z_);
    return size_t{room - z_.avail_out};
  }

  z_stream z_ = {};
  bool ready_ = false;
};

class ZstdInput : public DecompressedInput {
 public:
  explicit ZstdInput(std::unique_ptr<InputStream> base)
      : DecompressedInput(std::move(base)), context_(ZSTD_createDCtx()) {}
  ZstdInput(const ZstdInput&) = delete;
  ZstdInput& operator=(const ZstdInput&) = delete;
  ~ZstdInput() override { ZSTD_freeDCtx(context_); }

 private:
  absl::StatusOr<size_t> Decompress(std::span<std::byte>& in, std::span<std::byte> out) override {
    ZSTD_inBuffer source = {in.data(), in.size(), 0};
    ZSTD_outBuffer target = {out.data(), out.size(), 0};
    const size_t left = ZSTD_decompressStream(context_, &target, &source);
    if (ZSTD_isError(left) != 0) return Damaged(ZSTD_getErrorName(left));
    in = in.subspan(source.pos);
    between_streams_ = left == 0;
    return target.pos;
  }

  ZSTD_DCtx* context_;
};

// An input that finds its format at the first read: opening it must not wait for a pipe.
class RecognisedInput : public InputStream {
 public:
  explicit RecognisedInput(std::unique_ptr<InputStream> base)
      : path_(base->path()), unread_(std::make_unique<PeekedInput>(std::move(base))) {}

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    const absl::Status status = unread_ == nullptr ? absl::OkStatus() : Recognise();
    if (!status.ok()) return status;
    return input_->Read(out);
  }

  bool WaitUntilReady(std::chrono::milliseconds patience) override {
    return (unread_ != nullptr ? *unread_ : *input_).WaitUntilReady(patience);
  }

  const std::string& path() const override { return path_; }

 private:
  absl::Status Recognise() {
    const absl::StatusOr<bool> is_gzip = unread_->BeginsWith("\x1f\x8b");
    if (!is_gzip.ok()) return is_gzip.status();
    if (*is_gzip) {
      input_ = std::make_unique<GzipInput>(std::move(unread_));
      return absl::OkStatus();
    }
    // A frame with data, or the frame with its size that pzstd puts before it.
    for (const char* magic : {"\x28\xb5\x2f\xfd", "\x50\x2a\x4d\x18"}) {
      const absl::StatusOr<bool> is_zstd = unread_->BeginsWith(magic);
      if (!is_zstd.ok()) return is_zstd.status();
      if (!*is_zstd) continue;
      input_ = std::make_unique<ZstdInput>(std::move(unread_));
      return absl::OkStatus();
    }
    input_ = std::move(unread_);
    return absl::OkStatus();
  }

  std::string path_;
  std::unique_ptr<PeekedInput> unread_;  // null once recognised
  std::unique_ptr<InputStream> input_;
};

class GzipOutput : public OutputStream {
 public:
  explicit GzipOutput(std::unique_ptr<OutputStream> base)
      : base_(std::move(base)), buffer_(kBufferBytes) {
    ready_ = deflateInit2(&z_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, /*memLevel=*/8,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  GzipOutput(const GzipOutput&) = delete;
  GzipOutput& operator=(const GzipOutput&) = delete;
  ~GzipOutput() override { deflateEnd(&z_); }

  absl::Status Write(std::span<const std::byte> bytes) override {
    // zlib counts in 32 bits, but a line may be longer.
    while (!bytes.empty()) {
      const auto slice = bytes.first(std::min(bytes.size(), kBufferBytes));
      absl::Status status = Compress(slice, Z_NO_FLUSH);
      if (!status.ok()) return status;
      bytes = bytes.subspan(slice.size());
    }
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    const absl::Status status = Compress({}, Z_SYNC_FLUSH);
    return status.ok() ? base_->Sync() : status;
  }
  absl::Status Close() override {
    const absl::Status status = Compress({}, Z_FINISH);
    return status.ok() ? base_->Close() : status;
  }
  const std::string& path() const override { return base_->path(); }

 private:
  absl::Status Compress(std::span<const std::byte> bytes, int flush) {
    if (!ready_) return absl::ResourceExhaustedError("zlib has no memory");
    // zlib's pointer is not const, though it only reads.
    z_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    z_.avail_in = static_cast<uInt>(bytes.size());
    do {
      z_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      z_.avail_out = static_cast<uInt>(buffer_.size());
      deflate(&z_, flush);
      const auto filled = std::span(buffer_).first(buffer_.size() - z_.avail_out);
      absl::Status status = filled.empty() ? absl::OkStatus() : base_->Write(filled);
      if (!status.ok()) return status;
    } while (z_.avail_out == 0);
    return absl::OkStatus();
  }

  std::unique_ptr<OutputStream> base_;
  std::vector<std::byte> buffer_;
  z_stream z_ = {};
  bool ready_ = false;
};

class ZstdOutput : public OutputStream {
 public:
  explicit ZstdOutput(std::unique_ptr<OutputStream> base)
      : base_(std::move(base)), buffer_(kBufferBytes), context_(ZSTD_createCCtx()) {
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ZstdOutput(const ZstdOutput&) = delete;
  ZstdOutput& operator=(const ZstdOutput&) = delete;
  ~ZstdOutput() override { ZSTD_freeCCtx(context_); }

  absl::Status Write(std::span<const std::byte> bytes) override {
    return Compress(bytes, ZSTD_e_continue);
  }
  absl::Status Sync() override {
    const absl::Status status = Compress({}, ZSTD_e_flush);
    return status.ok() ? base_->Sync() : status;
  }
  absl::Status Close() override {
    const absl::Status status = Compress({}, ZSTD_e_end);
    return status.ok() ? base_->Close() : status;
  }
  const std::string& path() const override { return base_->path(); }

 private:
  absl::Status Compress(std::span<const std::byte> bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer source = {bytes.data(), bytes.size(), 0};
    while (true) {
      ZSTD_outBuffer target = {buffer_.data(), buffer_.size(), 0};
      const size_t left = ZSTD_compressStream2(context_, &target, &source, directive);
      if (ZSTD_isError(left) != 0) {
        return absl::InternalError(absl::StrCat(path(), ": ", ZSTD_getErrorName(left)));
      }
      const auto filled = std::span(buffer_).first(target.pos);
      absl::Status status = filled.empty() ? absl::OkStatus() : base_->Write(filled);
      if (!status.ok()) return status;
      const bool done = directive == ZSTD_e_continue ? source.pos == source.size : left == 0;
      if (done) return absl::OkStatus();
    }
  }

  std::unique_ptr<OutputStream> base_;
  std::vector<std::byte> buffer_;
  ZSTD_CCtx* context_;
};

}  // namespace

std::unique_ptr<InputStream> Decompressed(std::unique_ptr<InputStream> input) {
  return std::make_unique<RecognisedInput>(std::move(input));
}

absl::StatusOr<std::unique_ptr<OutputStream>> CompressedFor(const std::string& name,
                                                            std::unique_ptr<OutputStream> output) {
  if (name.ends_with(".gz")) return std::make_unique<GzipOutput>(std::move(output));
  if (name.ends_with(".zst")) return std::make_unique<ZstdOutput>(std::move(output));
  return output;
}

}  // namespace octet
