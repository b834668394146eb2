// The tokens of a routing trace as files for other programs.

#ifndef OCTET_LAUNCH_TRACE_TRACE_EXPORT_H_
#define OCTET_LAUNCH_TRACE_TRACE_EXPORT_H_

#include <absl/status/status.h>

#include <string>

#include "runtime/io/file.h"
#include "runtime/trace/token_table.h"

namespace octet {

struct TraceExportOptions {
  std::string path;
  std::string csv;  // empty if not wanted
  std::string npy;  // the same; it also gives the names of two more files
};

// Returns the error that would prevent the files from being written, as far as it can be known in
// advance.
absl::Status CheckTraceExport(FileSystem& files, const TraceExportOptions& options);

absl::Status ExportTrace(FileSystem& files, const TraceExportOptions& options,
                         const TokenTable& table);

}  // namespace octet

#endif  // OCTET_LAUNCH_TRACE_TRACE_EXPORT_H_
