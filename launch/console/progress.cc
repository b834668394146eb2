#include "launch/console/progress.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <utility>

namespace octet {
namespace {

constexpr double kRedraw = 0.2;                                   // seconds
constexpr std::array<double, 6> kPauses = {1, 2, 5, 10, 30, 60};  // seconds before each line

double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

absl::StatusOr<ProgressStyle> ChooseStyle(const std::string& setting, bool has_terminal) {
  if (setting == "bar" && !has_terminal) {
    return absl::InvalidArgumentError(
        "--progress bar needs a terminal, and standard error does not lead to one from here: use "
        "plain, or leave it out");
  }
  if (setting == "none") return ProgressStyle::kNone;
  if (setting == "json") return ProgressStyle::kJson;
  if (setting == "plain") return ProgressStyle::kPlain;
  return has_terminal ? ProgressStyle::kBar : ProgressStyle::kPlain;
}

}  // namespace

Progress::Progress(Output output) : output_(std::move(output)), start_(output_.clock()) {
  if (output_.style == ProgressStyle::kBar) bar_.emplace(output_.stream);
}

void Progress::BeginOrGoOn(Stage stage) {
  if (stage_ != stage) {
    EndStage();
    stage_ = stage;
    bytes_ = prompt_tokens_ = generated_tokens_ = {};
    eta_ = {};
    times_ = 0;
    next_ = output_.style == ProgressStyle::kBar ? 0 : kPauses[0];
  }
  seconds_ = output_.clock() - start_;
}

void Progress::Load(uint64_t done, uint64_t total) {
  if (output_.style == ProgressStyle::kNone) return;
  BeginOrGoOn(Stage::kLoading);
  load_.done = done;
  load_.total = total;
  bytes_.Add(seconds_, static_cast<double>(done));
  eta_.Add(seconds_, static_cast<double>(done));
  SayIfDue();
}

void Progress::Serve(const RequestCounts& counts) {
  if (output_.style == ProgressStyle::kNone) return;
  BeginOrGoOn(Stage::kRequests);
  requests_.counts = counts;
  prompt_tokens_.Add(seconds_, static_cast<double>(counts.prompt_tokens));
  generated_tokens_.Add(seconds_, static_cast<double>(counts.generated_tokens));
  eta_.Add(seconds_, static_cast<double>(counts.done));
  SayIfDue();
}

void Progress::EndStage() {
  if (stage_ == Stage::kNone) return;
  seconds_ = output_.clock() - start_;
  Say(/*ended=*/true);
  stage_ = Stage::kNone;
  start_ += seconds_;
}

void Progress::SayIfDue() {
  if (seconds_ < next_ && !(bar_ && bar_->gone())) return;
  Say(/*ended=*/false);
  ++times_;
  next_ = seconds_ + (output_.style == ProgressStyle::kBar
                          ? kRedraw
                          : kPauses[std::min(times_, kPauses.size() - 1)]);
}

void Progress::Say(bool ended) {
  load_.ended = requests_.ended = ended;
  load_.seconds = requests_.seconds = seconds_;
  load_.bytes_per_s = ended ? bytes_.MeanPerSecond() : bytes_.RecentPerSecond();
  requests_.recent = {prompt_tokens_.RecentPerSecond(), generated_tokens_.RecentPerSecond()};
  requests_.mean = {prompt_tokens_.MeanPerSecond(), generated_tokens_.MeanPerSecond()};
  load_.eta_seconds = requests_.eta_seconds = std::nullopt;
  const auto total = static_cast<double>(
      stage_ == Stage::kLoading ? load_.total : static_cast<uint64_t>(requests_.counts.total));
  if (!ended && total > 0) load_.eta_seconds = requests_.eta_seconds = eta_.Remaining(total);
  if (output_.style == ProgressStyle::kBar) {
    Draw(ended);
  } else {
    output_.stream << Text() << std::endl;
  }
}

void Progress::Draw(bool ended) {
  const int width = std::max(output_.width() - 1, 0);  // a line may break after the last column
  const std::string text =
      stage_ == Stage::kLoading ? BarText(load_, width) : BarText(requests_, width);
  if (ended) {
    bar_->End(text, width);
  } else {
    bar_->Draw(text, width);
  }
}

std::string Progress::Text() const {
  const bool loading = stage_ == Stage::kLoading;
  if (output_.style == ProgressStyle::kJson) return loading ? JsonText(load_) : JsonText(requests_);
  return absl::StrCat("octet: ", loading ? PlainText(load_) : PlainText(requests_));
}

absl::StatusOr<std::unique_ptr<Progress>> MakeProgress(const std::string& setting,
                                                       const std::optional<Terminal>& terminal) {
  const absl::StatusOr<ProgressStyle> style = ChooseStyle(setting, terminal.has_value());
  if (!style.ok()) return style.status();
  return std::make_unique<Progress>(Progress::Output{
      .style = *style, .stream = std::cerr, .clock = SteadySeconds, .width = [&terminal] {
        return terminal->Width();
      }});
}

}  // namespace octet
