#include "launch/trace/trace_export.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <array>

#include "kernels/base/dtype.h"
#include "launch/files/result_file.h"
#include "runtime/io/compressed_stream.h"
#include "runtime/trace/npy.h"

namespace octet {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;

// Returns "x_weights.npy" for "x.npy".
std::string Beside(const std::string& npy, const char* ending) {
  return npy.substr(0, npy.size() - std::string_view(".npy").size()) + ending;
}

std::string WeightsName(const std::string& npy) { return Beside(npy, "_weights.npy"); }
std::string AnswersName(const std::string& npy) { return Beside(npy, "_answers.csv"); }

// Compresses if the path's name says so.
absl::Status WriteCompressed(FileSystem& files, const std::string& path,
                             absl::FunctionRef<absl::Status(OutputStream&)> write) {
  return WriteResultFile(files, path, [&](std::unique_ptr<OutputStream> file) {
    absl::StatusOr<std::unique_ptr<OutputStream>> stream = CompressedFor(path, std::move(file));
    absl::Status status = stream.status();
    if (status.ok()) status = write(**stream);
    return status.ok() ? (*stream)->Close() : status;
  });
}

absl::Status WriteText(OutputStream& stream, std::string_view text) {
  return stream.Write(std::as_bytes(std::span(text)));
}

absl::Status WriteNpy(FileSystem& files, const std::string& path, std::string_view dtype,
                      const TokenTable& table, std::span<const std::byte> elements) {
  const std::array<int64_t, 3> shape = {table.num_tokens(), table.num_layers, table.topk};
  return WriteCompressed(files, path, [&](OutputStream& stream) {
    const absl::Status status = WriteText(stream, NpyHeader(dtype, shape));
    return status.ok() ? stream.Write(elements) : status;
  });
}

absl::Status WriteAnswers(FileSystem& files, const std::string& path, const TokenTable& table) {
  std::string text = "line,choice,first_row,tokens\n";
  for (const TracedAnswer& a : table.answers) {
    absl::StrAppend(&text, a.line, ",", a.choice, ",", a.first_row, ",", a.num_tokens, "\n");
  }
  return WriteResultFile(files, path, text);
}

std::string CsvHeader(int topk) {
  std::string text = "line,choice,position,attempt,step,rank,layer";
  for (int i = 0; i < topk; ++i) absl::StrAppend(&text, ",expert_", i);
  for (int i = 0; i < topk; ++i) absl::StrAppend(&text, ",weight_", i);
  return text + "\n";
}

void AppendToken(const TokenTable& table, const TracedAnswer& answer, int64_t position,
                 std::string& text) {
  const int64_t row = answer.first_row + position;
  const TracedPlace& place = table.places[row];
  for (int64_t layer = 0; layer < table.num_layers; ++layer) {
    absl::StrAppend(&text, answer.line, ",", answer.choice, ",", position, ",");
    absl::StrAppend(&text, place.attempt, ",", place.step, ",", place.rank, ",", layer);
    const int64_t first = (row * table.num_layers + layer) * table.topk;
    for (int i = 0; i < table.topk; ++i) absl::StrAppend(&text, ",", table.experts[first + i]);
    for (int i = 0; i < table.topk; ++i) {
      absl::StrAppendFormat(&text, ",%.5g", HalfToFloat(table.weights[first + i]));
    }
    text += '\n';
  }
}

absl::Status WriteCsv(FileSystem& files, const std::string& path, const TokenTable& table) {
  return WriteCompressed(files, path, [&](OutputStream& stream) {
    std::string text = CsvHeader(table.topk);
    for (const TracedAnswer& answer : table.answers) {
      for (int64_t position = 0; position < answer.num_tokens; ++position) {
        AppendToken(table, answer, position, text);
        if (text.size() < kWriteBytes) continue;
        absl::Status status = WriteText(stream, text);
        if (!status.ok()) return status;
        text.clear();
      }
    }
    return WriteText(stream, text);
  });
}

}  // namespace

absl::Status CheckTraceExport(FileSystem& files, const TraceExportOptions& options) {
  if (options.csv.empty() && options.npy.empty()) {
    return absl::InvalidArgumentError("--csv or --npy must say where the tokens go");
  }
  absl::Status status;
  if (!options.csv.empty()) status = CheckResultFile(files, "--csv", options.csv);
  if (options.npy.empty() || !status.ok()) return status;
  if (!options.npy.ends_with(".npy")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--npy ", options.npy, ": its name must end in .npy"));
  }
  for (const std::string& path :
       {options.npy, WeightsName(options.npy), AnswersName(options.npy)}) {
    if (status.ok()) status = CheckResultFile(files, "--npy", path);
  }
  return status;
}

absl::Status ExportTrace(FileSystem& files, const TraceExportOptions& options,
                         const TokenTable& table) {
  absl::Status status;
  if (!options.csv.empty()) status = WriteCsv(files, options.csv, table);
  if (options.npy.empty() || !status.ok()) return status;
  status = WriteNpy(files, options.npy, kNpyInt16, table, std::as_bytes(std::span(table.experts)));
  if (status.ok()) {
    status = WriteNpy(files, WeightsName(options.npy), kNpyFloat16, table,
                      std::as_bytes(std::span(table.weights)));
  }
  return status.ok() ? WriteAnswers(files, AnswersName(options.npy), table) : status;
}

}  // namespace octet
