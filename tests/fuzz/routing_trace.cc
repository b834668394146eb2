#include <absl/strings/str_cat.h>
#include <google/protobuf/text_format.h>

#include "kernels/base/check.h"
#include "runtime/trace/routing_stats.h"
#include "runtime/trace/token_table.h"
#include "runtime/trace/trace_reader.h"
#include "runtime/trace/trace_writer.h"
#include "runtime/trace/traced_counts.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

constexpr char kTracePath[] = "t.zst";

void CheckTrace(FileSystem& files) {
  auto reader = TraceReader::Open(files, kTracePath);
  OCTET_CHECK(reader.ok()) << reader.status();
  while (true) {
    const auto record = reader->Next();
    if (!record.ok()) CheckError(record.status());
    if (!record.ok() || *record == nullptr) break;
  }
  const auto table = ReadTokenTable(files, kTracePath);
  if (!table.ok()) CheckError(table.status());
  const auto halves = ReadHalvedCounts(files, kTracePath);
  if (!halves.ok()) CheckError(halves.status());
  const auto stats = ComputeRoutingStats(files, kTracePath);
  if (!stats.ok()) CheckError(stats.status());
}

}  // namespace

// The bytes as a file, and as the text of records, which no mutation of a compressed file would
// find.
void RoutingTrace(const std::string& bytes) {
  MemoryFileSystem files;
  files.files[kTracePath] = bytes;
  CheckTrace(files);
  TraceWriter writer(*files.CreateOutput(kTracePath));
  for (const std::string& text : SplitTexts(bytes, 8)) {
    TraceRecord record;
    if (!google::protobuf::TextFormat::ParseFromString(text, &record)) continue;
    if (record.has_header()) writer.AddHeader(record.header());
    if (!record.has_step()) continue;
    OCTET_CHECK(writer.AddStep(*record.mutable_step()).ok());
  }
  OCTET_CHECK(writer.EndBlock().ok());
  CheckTrace(files);
}

}  // namespace octet::fuzz
