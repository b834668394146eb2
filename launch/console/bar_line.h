// A line on a terminal that is drawn repeatedly.

#ifndef OCTET_LAUNCH_CONSOLE_BAR_LINE_H_
#define OCTET_LAUNCH_CONSOLE_BAR_LINE_H_

#include <mutex>
#include <ostream>
#include <streambuf>
#include <string>

namespace octet {

// The last line of a stream. While it exists, other text in the stream, from any thread, first
// removes the line and then takes its place.
class BarLine {
 public:
  explicit BarLine(std::ostream& stream);
  BarLine(const BarLine&) = delete;
  BarLine& operator=(const BarLine&) = delete;
  ~BarLine();

  // Draws `text`, one column per byte, over the earlier line. Does nothing while other text has
  // begun a line and not ended it. Covers the rest of a longer earlier line, up to `width` columns.
  void Draw(const std::string& text, size_t width);

  // Draws for the last time: the text stays, on a line of its own.
  void End(const std::string& text, size_t width);

  // Removes the drawn line.
  void Hide();

  // Returns whether the line was drawn and then removed.
  bool gone() const;

 private:
  // A buffer that replaces the stream's own meanwhile.
  class Watch : public std::streambuf {
   public:
    explicit Watch(BarLine& bar) : bar_(bar) {}

   protected:
    std::streamsize xsputn(const char* text, std::streamsize size) override;
    int_type overflow(int_type c) override;
    int sync() override;

   private:
    BarLine& bar_;
  };

  void Put(const std::string& text, size_t width, bool ended);
  void HideLocked();
  std::streamsize WriteOther(const char* text, std::streamsize size);

  mutable std::mutex mutex_;
  std::ostream& stream_;
  Watch watch_;
  std::streambuf* target_;
  size_t columns_ = 0;  // drawn now
  bool gone_ = false;
  bool at_line_start_ = true;  // of the other text
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CONSOLE_BAR_LINE_H_
