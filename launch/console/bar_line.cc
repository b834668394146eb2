#include "launch/console/bar_line.h"

#include <algorithm>

namespace octet {

BarLine::BarLine(std::ostream& stream)
    : stream_(stream), watch_(*this), target_(stream.rdbuf(&watch_)) {}

BarLine::~BarLine() { stream_.rdbuf(target_); }

void BarLine::Draw(const std::string& text, size_t width) { Put(text, width, /*ended=*/false); }

void BarLine::End(const std::string& text, size_t width) { Put(text, width, /*ended=*/true); }

void BarLine::Hide() {
  const std::lock_guard lock(mutex_);
  HideLocked();
}

bool BarLine::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

void BarLine::Put(const std::string& text, size_t width, bool ended) {
  const std::lock_guard lock(mutex_);
  if (!at_line_start_ && !ended) return;
  if (!at_line_start_) target_->sputc('\n');
  at_line_start_ = true;
  gone_ = false;
  std::string line = "\r";
  line += text;
  const size_t covered = std::min(columns_, width);
  if (covered > text.size()) line.append(covered - text.size(), ' ');
  if (ended) line += '\n';
  target_->sputn(line.data(), static_cast<std::streamsize>(line.size()));
  target_->pubsync();
  columns_ = ended ? 0 : text.size();
}

void BarLine::HideLocked() {
  if (columns_ == 0) return;
  std::string line(columns_ + 2, ' ');
  line.front() = line.back() = '\r';
  target_->sputn(line.data(), static_cast<std::streamsize>(line.size()));
  target_->pubsync();
  columns_ = 0;
  gone_ = true;
}

std::streamsize BarLine::WriteOther(const char* text, std::streamsize size) {
  const std::lock_guard lock(mutex_);
  if (size == 0) return 0;
  HideLocked();
  at_line_start_ = text[size - 1] == '\n';
  return target_->sputn(text, size);
}

std::streamsize BarLine::Watch::xsputn(const char* text, std::streamsize size) {
  return bar_.WriteOther(text, size);
}

BarLine::Watch::int_type BarLine::Watch::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char letter = traits_type::to_char_type(c);
  return bar_.WriteOther(&letter, 1) == 1 ? c : traits_type::eof();
}

int BarLine::Watch::sync() {
  const std::lock_guard lock(bar_.mutex_);
  return bar_.target_->pubsync();
}

}  // namespace octet
