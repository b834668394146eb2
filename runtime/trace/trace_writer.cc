#include "runtime/trace/trace_writer.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>
#include <zstd.h>

namespace octet {
namespace {

constexpr int kLevel = 1;  // gate weights hardly shrink at any level

}  // namespace

TraceWriter::TraceWriter(std::unique_ptr<OutputStream> file)
    : file_(std::move(file)), context_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
}

TraceWriter::~TraceWriter() { ZSTD_freeCCtx(context_); }

void TraceWriter::Append(const TraceRecord& record) {
  // A StringOutputStream would fill the whole capacity each time.
  using google::protobuf::io::CodedOutputStream;
  const auto size = static_cast<uint32_t>(record.ByteSizeLong());
  const size_t begin = block_.size();
  block_.resize(begin + CodedOutputStream::VarintSize32(size) + size);
  auto* const to = reinterpret_cast<uint8_t*>(block_.data()) + begin;
  record.SerializeWithCachedSizesToArray(CodedOutputStream::WriteVarint32ToArray(size, to));
}

void TraceWriter::AddHeader(const TraceHeader& header) {
  TraceRecord record;
  *record.mutable_header() = header;
  Append(record);
}

absl::Status TraceWriter::AddStep(StepRouting& step) {
  record_.mutable_step()->Swap(&step);  // its bytes are not copied
  absl::Status status =
      block_.size() + record_.ByteSizeLong() > kMostTraceBlockBytes ? EndBlock() : absl::OkStatus();
  Append(record_);
  record_.mutable_step()->Swap(&step);
  if (!status.ok() || block_.size() < kTraceBlockBytes) return status;
  return EndBlock();
}

absl::Status TraceWriter::EndBlock() {
  if (block_.empty()) return absl::OkStatus();
  frame_.resize(ZSTD_compressBound(block_.size()));
  const size_t size =
      ZSTD_compress2(context_, frame_.data(), frame_.size(), block_.data(), block_.size());
  if (ZSTD_isError(size) != 0) {
    return absl::InternalError(absl::StrCat(path(), ": ", ZSTD_getErrorName(size)));
  }
  block_.clear();
  return file_->Write(std::as_bytes(std::span(frame_).first(size)));
}

}  // namespace octet
