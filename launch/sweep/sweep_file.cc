#include "launch/sweep/sweep_file.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "launch/files/proto_text.h"
#include "launch/sweep/sweep_csv.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr int64_t kMostRuns = 100'000;
constexpr int32_t kDefaultRepetitions = 3;
constexpr double kDefaultRunSeconds = 3600;
constexpr double kMostRunSeconds = 1e7;
constexpr size_t kMostSweepBytes = size_t{16} << 20;
constexpr size_t kMostNameBytes = 100;

// The flags that the sweep sets, or that would let it measure nothing.
constexpr std::array<std::string_view, 3> kOwnFlags = {"--output-json", "--compare", "--dry-run"};

using Words = google::protobuf::RepeatedPtrField<std::string>;

absl::Status BadSweep(const std::string& field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

// The name of a point puts names between '=' and blanks.
absl::Status CheckName(const std::string& field, const std::string& name) {
  const bool is_plain =
      std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != '=' && c != ','; });
  if (!name.empty() && name.size() <= kMostNameBytes && is_plain) return absl::OkStatus();
  return BadSweep(
      field, absl::StrCat("its name ", Quoted(Shortened(name)), " must have from 1 to ",
                          kMostNameBytes, " ASCII letters, digits and signs but for '=' and ','"));
}

absl::Status CheckWords(const std::string& field, const Words& words) {
  for (const std::string& word : words) {
    if (!word.empty() && word.find('\0') == std::string::npos) continue;
    return BadSweep(field, absl::StrCat("a word ", Quoted(Shortened(word)), " can't be given to a ",
                                        "program; write none that is empty or has a NUL"));
  }
  return absl::OkStatus();
}

absl::Status CheckBenchWords(const std::string& field, const Words& words) {
  for (const std::string& word : words) {
    const auto flag =
        std::ranges::find(kOwnFlags, std::string_view(word).substr(0, word.find('=')));
    if (flag == kOwnFlags.end()) continue;
    return BadSweep(field, absl::StrCat(std::string(*flag), " can't be given in a sweep"));
  }
  return CheckWords(field, words);
}

absl::Status CheckAxis(const SweepAxis& axis, const std::string& field) {
  absl::Status status = CheckName(field, axis.name());
  if (status.ok() && IsSweepColumn(axis.name())) {
    return BadSweep(field, absl::StrCat(axis.name(), " is a column of sweep.csv; give the axis ",
                                        "another name"));
  }
  if (status.ok() && axis.values().empty()) return BadSweep(field, "has no values");
  std::set<std::string> names;
  for (int v = 0; status.ok() && v < axis.values_size(); ++v) {
    const SweepValue& value = axis.values(v);
    const std::string where = absl::StrCat(field, ".values[", v, "]");
    status = CheckName(where, value.name());
    if (status.ok() && !names.insert(value.name()).second) {
      return BadSweep(where, absl::StrCat("another value is named ", value.name(), " too"));
    }
    if (status.ok()) status = CheckWords(where + ".launcher", value.launcher());
    if (status.ok()) status = CheckBenchWords(where + ".bench", value.bench());
  }
  return status;
}

absl::Status CheckAxes(const Sweep& sweep) {
  if (sweep.axes().empty()) return BadSweep("axes", "there are none");
  std::set<std::string> names;
  for (int a = 0; a < sweep.axes_size(); ++a) {
    const std::string field = absl::StrCat("axes[", a, "]");
    absl::Status status = CheckAxis(sweep.axes(a), field);
    if (!status.ok()) return status;
    if (!names.insert(sweep.axes(a).name()).second) {
      return BadSweep(field, absl::StrCat("another axis is named ", sweep.axes(a).name(), " too"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSize(const Sweep& sweep) {
  int64_t runs = sweep.repetitions();
  if (runs < 1) return BadSweep("repetitions", "must be at least 1");
  for (const SweepAxis& axis : sweep.axes()) {
    if (runs <= kMostRuns) runs *= axis.values_size();
  }
  if (runs <= kMostRuns) return absl::OkStatus();
  return BadSweep("axes",
                  absl::StrCat("with the repetitions they are more than ", kMostRuns, " runs"));
}

absl::Status CheckSweep(const Sweep& sweep) {
  absl::Status status = CheckWords("launcher", sweep.launcher());
  if (status.ok()) status = CheckBenchWords("bench", sweep.bench());
  if (status.ok()) status = CheckAxes(sweep);
  if (status.ok()) status = CheckSize(sweep);
  // Written so that it refuses NaN.
  if (status.ok() && !(sweep.timeout() > 0 && sweep.timeout() <= kMostRunSeconds)) {
    return BadSweep("timeout", absl::StrCat("must be above 0 and at most ", kMostRunSeconds, " s"));
  }
  return status;
}

}  // namespace

absl::StatusOr<Sweep> ReadSweep(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> text = files.ReadWhole(path, kMostSweepBytes);
  if (!text.ok()) return text.status();
  Sweep sweep;
  absl::Status status = ParseTextProto(*text, sweep);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", std::string(status.message())));
  }
  if (sweep.repetitions() == 0) sweep.set_repetitions(kDefaultRepetitions);
  if (sweep.timeout() == 0) sweep.set_timeout(kDefaultRunSeconds);
  status = CheckSweep(sweep);
  if (status.ok()) return sweep;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(status.message())));
}

}  // namespace octet
