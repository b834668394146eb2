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
                        const Stream& stream, UploadRing& ring, int64_t context_room) {
  context_room_ = context_room;
  Batch batch = Describe(spans, tile_tokens);
  if (batch == batch_ && memory_.data() != nullptr) return;
  batch_ = std::move(batch);
  Upload(stream, ring);
}

// Kernels that were started before read the old lists before the new ones are copied over them.
void SequenceLists::Upload(const Stream& stream, UploadRing& ring) {
  int64_t num_tokens = 0;
  int64_t longest = 1;
  max_context_ = 0;
  for (const Span& s : batch_.spans) {
    num_tokens = std::max(num_tokens, s.first_row + s.num_rows);
    longest = std::max(longest, s.num_rows);
    max_context_ = std::max(max_context_, s.start_pos + s.num_rows);
  }
  tile_tokens_ = std::min(batch_.tile_tokens, longest);
  const size_t tokens_bytes = RoundUp(num_tokens * sizeof(DeviceToken));
  const size_t tiles_bytes = RoundUp(num_tokens * sizeof(QueryTile));
  const size_t bytes = tokens_bytes + tiles_bytes + batch_.pages.size() * sizeof(int32_t);
  if (bytes > memory_.bytes()) {
    stream.Wait();
    memory_ = AllocateOnDevice(2 * bytes, stream);
    ++num_moves_;
  }
  std::byte* const to_tiles = memory_.data() + tokens_bytes;
  std::byte* const to_pages = to_tiles + tiles_bytes;
  const auto* const pages = reinterpret_cast<const int32_t*>(to_pages);
  std::vector<DeviceToken> tokens(num_tokens, {-1, nullptr});
  std::vector<SequenceSpan> spans;
  for (const Span& s : batch_.spans) {
    if (s.num_pages == 0) continue;
    const int32_t* const own = pages + s.first_page;
    spans.push_back({.first_row = s.first_row,
                     .num_rows = s.num_rows,
                     .start_pos = s.start_pos,
                     .pages = {own, static_cast<size_t>(s.num_pages)}});
    for (int64_t i = 0; i < s.num_rows; ++i) {
      tokens[s.first_row + i] = {static_cast<int32_t>(s.start_pos + i), own};
    }
  }
  std::vector<QueryTile> tiles = DivideIntoQueryTiles(spans, tile_tokens_);
  if (tile_tokens_ == 1) tiles.resize(num_tokens);  // those of tokens without pages do nothing
  ring.UploadTo(std::as_bytes(std::span(tokens)), memory_.data());
  ring.UploadTo(std::as_bytes(std::span(tiles)), to_tiles);
  ring.UploadTo(std::as_bytes(std::span(batch_.pages)), to_pages);
  tokens_ = reinterpret_cast<const DeviceToken*>(memory_.data());
  tiles_ = reinterpret_cast<const QueryTile*>(to_tiles);
  num_tiles_ = std::ssize(tiles);
}

}  // namespace octet::cuda
