#include "launch/console/progress_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/io/json_writer.h"

namespace octet {
namespace {

constexpr int kBarColumns = 20;
constexpr int kLeastWidthForBar = 60;

double Share(double done, double total) {
  return total > 0 ? std::clamp(done / total, 0.0, 1.0) : 0;
}

// Returns the percentage, rounded down: 100 only when all is done.
int Percent(double done, double total) { return static_cast<int>(100 * Share(done, total)); }

// Formats time that has passed.
std::string FormatElapsed(double seconds) {
  return seconds < 10 ? absl::StrFormat("%.1f s", seconds) : FormatDuration(seconds);
}

// Returns ", 3 min 20 s left", or nothing.
std::string Left(const std::optional<double>& eta_seconds) {
  return eta_seconds ? absl::StrCat(", ", FormatDuration(*eta_seconds), " left") : "";
}

// Returns the bytes from a pack cache, or nothing.
std::string Mapped(uint64_t bytes) {
  return bytes > 0 ? absl::StrFormat(", %.2f GB mapped", static_cast<double>(bytes) / 1e9) : "";
}

std::string Drawing(double done, double total) {
  const auto filled = static_cast<int>(kBarColumns * Share(done, total));
  return absl::StrCat(" [", std::string(filled, '='), std::string(kBarColumns - filled, ' '), "]");
}

// Returns `text`, then the parts, most important first, while they fit.
std::string Fit(std::string text, const std::vector<std::string>& parts, int width) {
  for (const std::string& part : parts) {
    if (std::ssize(text) + std::ssize(part) > width) break;
    text += part;
  }
  return text.substr(0, static_cast<size_t>(std::max(width, 0)));
}

// Returns "requests  12 % [==      ]".
std::string Head(const char* stage, double done, double total, int width) {
  std::string text = stage;
  if (total > 0) absl::StrAppendFormat(&text, " %3d %%", Percent(done, total));
  if (total > 0 && width >= kLeastWidthForBar) text += Drawing(done, total);
  return text;
}

double Rounded(double value) { return std::round(value * 10) / 10; }

void WriteRounded(const char* name, const std::optional<double>& value, JsonWriter& json) {
  json.Key(name);
  if (value) {
    json.Double(Rounded(*value));
  } else {
    json.Null();
  }
}

}  // namespace

std::string FormatDuration(double seconds) {
  const int64_t s = std::llround(seconds);
  if (s < 60) return absl::StrFormat("%d s", s);
  if (s < 3600) return absl::StrFormat("%d min %02d s", s / 60, s % 60);
  if (s < 86400) return absl::StrFormat("%d h %02d min", s / 3600, s / 60 % 60);
  return absl::StrFormat("%d d %02d h", s / 86400, s / 3600 % 24);
}

std::string PlainText(const LoadState& s) {
  const auto done = static_cast<double>(s.done);
  const auto total = static_cast<double>(s.total);
  if (s.ended && s.done == s.total) {
    return absl::StrFormat("loaded %.2f GB in %s, %.2f GB/s", total / 1e9, FormatElapsed(s.seconds),
                           s.bytes_per_s / 1e9) +
           Mapped(s.mapped);
  }
  return absl::StrFormat("loading %.2f of %.2f GB, %.2f GB/s", done / 1e9, total / 1e9,
                         s.bytes_per_s / 1e9) +
         Left(s.eta_seconds);
}

std::string BarText(const LoadState& s, int width) {
  const auto done = static_cast<double>(s.done);
  const auto total = static_cast<double>(s.total);
  return Fit(Head("loading ", done, total, width),
             {absl::StrFormat(" %.2f/%.2f GB", done / 1e9, total / 1e9),
              s.ended ? absl::StrCat(" in ", FormatElapsed(s.seconds)) : Left(s.eta_seconds),
              absl::StrFormat(", %.2f GB/s", s.bytes_per_s / 1e9), Mapped(s.mapped)},
             width);
}

std::string JsonText(const LoadState& s) {
  JsonWriter json;
  json.BeginObject();
  json.Member("stage", "loading");
  WriteRounded("seconds", s.seconds, json);
  json.Member("ended", s.ended);
  json.Member("done", s.done);
  json.Member("total", s.total);
  WriteRounded("bytes_per_s", s.bytes_per_s, json);
  WriteRounded("eta_seconds", s.eta_seconds, json);
  json.Member("mapped", s.mapped);
  return json.EndObject().Take();
}

std::string PlainText(const RequestState& s) {
  const RequestCounts& counts = s.counts;
  std::string text = absl::StrCat("requests ", counts.done);
  if (counts.total > 0) {
    absl::StrAppendFormat(
        &text, " of %s%d (%d %%)", counts.total_is_exact ? "" : "about ", counts.total,
        Percent(static_cast<double>(counts.done), static_cast<double>(counts.total)));
  }
  if (s.ended) {
    absl::StrAppend(&text, " in ", FormatElapsed(s.seconds));
    absl::StrAppendFormat(&text, ", tokens/s: %.0f prompt, %.0f generated", s.mean.prompt_per_s,
                          s.mean.generated_per_s);
    return text;
  }
  absl::StrAppendFormat(&text,
                        ", tokens/s: %.0f prompt, %.0f generated (mean %.0f, %.0f)"
                        ", %d running, %d waiting",
                        s.recent.prompt_per_s, s.recent.generated_per_s, s.mean.prompt_per_s,
                        s.mean.generated_per_s, counts.running, counts.waiting);
  return text + Left(s.eta_seconds);
}

std::string BarText(const RequestState& s, int width) {
  const RequestCounts& counts = s.counts;
  std::string done = absl::StrCat(" ", counts.done);
  if (counts.total > 0) {
    absl::StrAppend(&done, counts.total_is_exact ? "/" : "/~", counts.total);
  }
  const TokenRates& rates = s.ended ? s.mean : s.recent;
  std::vector<std::string> parts = {
      done, s.ended ? absl::StrCat(" in ", FormatElapsed(s.seconds)) : Left(s.eta_seconds),
      absl::StrFormat(", %.0f tokens/s", rates.generated_per_s),
      absl::StrFormat(", prompts %.0f tokens/s", rates.prompt_per_s)};
  if (!s.ended) parts.push_back(absl::StrFormat(", %d running", counts.running));
  return Fit(
      Head("requests", static_cast<double>(counts.done), static_cast<double>(counts.total), width),
      parts, width);
}

std::string JsonText(const RequestState& s) {
  const RequestCounts& counts = s.counts;
  const bool total_is_known = counts.total > 0 || counts.total_is_exact;
  JsonWriter json;
  json.BeginObject();
  json.Member("stage", "requests");
  WriteRounded("seconds", s.seconds, json);
  json.Member("ended", s.ended);
  json.Member("done", counts.done);
  json.Key("total");
  if (total_is_known) {
    json.Integer(counts.total);
  } else {
    json.Null();
  }
  json.Member("total_is_exact", counts.total_is_exact);
  json.Member("prompt_tokens", counts.prompt_tokens);
  json.Member("generated_tokens", counts.generated_tokens);
  WriteRounded("prompt_tokens_per_s", s.recent.prompt_per_s, json);
  WriteRounded("generated_tokens_per_s", s.recent.generated_per_s, json);
  WriteRounded("mean_prompt_tokens_per_s", s.mean.prompt_per_s, json);
  WriteRounded("mean_generated_tokens_per_s", s.mean.generated_per_s, json);
  json.Member("running", counts.running);
  json.Member("waiting", counts.waiting);
  WriteRounded("eta_seconds", s.eta_seconds, json);
  return json.EndObject().Take();
}

}  // namespace octet
