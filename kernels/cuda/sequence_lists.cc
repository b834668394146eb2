#include "kernels/cuda/sequence_lists.h"

#include <algorithm>
#include <utility>

namespace octet::cuda {
SequenceLists::Batch SequenceLists::Describe(std::span<const SequenceSpan> spans,
                                             int64_t tile_tokens) {
  Batch batch = {.tile_tokens = tile_tokens};
  for (const SequenceSpan& s : spans) {
    batch.spans.push_back({.first_row = s.first_row,
                           .num_rows = s.num_rows,
                           .start_pos = s.start_pos,
                           .first_page = std::ssize(batch.pages),
                           .num_pages = std::ssize(s.pages)});
    batch.pages.insert(batch.pages.end(), s.pages.begin(), s.pages.end());
  }
  return batch;
}

void SequenceLists::Set(std::span<const SequenceSpan> spans, int64_t tile_tokens,
                        const Stream& stream, UploadRing& ring) {
  Batch batch = Describe(spans, tile_tokens);
  if (batch == batch_ && memory_.data() != nullptr) return;
  batch_ = std::move(batch);
  Upload(stream, ring);
}

// Kernels that were started before read the old lists before the new ones are copied over them.
void SequenceLists::Upload(const Stream& stream, UploadRing& ring) {
  int64_t num_tokens = 0;
  max_context_ = 0;
  for (const Span& s : batch_.spans) {
    num_tokens = std::max(num_tokens, s.first_row + s.num_rows);
    max_context_ = std::max(max_context_, s.start_pos + s.num_rows);
  }
  const size_t pages_bytes = RoundUp(batch_.pages.size() * sizeof(int32_t));
  const size_t tokens_bytes = RoundUp(num_tokens * sizeof(DeviceToken));
  const size_t bytes = pages_bytes + tokens_bytes + num_tokens * sizeof(QueryTile);
  if (bytes > memory_.bytes()) {
    stream.Wait();
    memory_ = AllocateOnDevice(2 * bytes, stream);
  }
  const auto* const pages = reinterpret_cast<const int32_t*>(memory_.data());
  std::vector<DeviceToken> tokens(num_tokens);
  std::vector<SequenceSpan> spans;
  for (const Span& s : batch_.spans) {
    const int32_t* const own = pages + s.first_page;
    spans.push_back({.first_row = s.first_row,
                     .num_rows = s.num_rows,
                     .start_pos = s.start_pos,
                     .pages = {own, static_cast<size_t>(s.num_pages)}});
    for (int64_t i = 0; i < s.num_rows; ++i) {
      tokens[s.first_row + i] = {static_cast<int32_t>(s.start_pos + i), own};
    }
  }
  const std::vector<QueryTile> tiles = DivideIntoQueryTiles(spans, batch_.tile_tokens);
  std::byte* const to_tokens = memory_.data() + pages_bytes;
  std::byte* const to_tiles = to_tokens + tokens_bytes;
  ring.UploadTo(std::as_bytes(std::span(batch_.pages)), memory_.data());
  ring.UploadTo(std::as_bytes(std::span(tokens)), to_tokens);
  ring.UploadTo(std::as_bytes(std::span(tiles)), to_tiles);
  tokens_ = reinterpret_cast<const DeviceToken*>(to_tokens);
  tiles_ = reinterpret_cast<const QueryTile*>(to_tiles);
  num_tiles_ = std::ssize(tiles);
}

}  // namespace octet::cuda
