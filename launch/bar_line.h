// A line on a terminal that is drawn again and again.

#ifndef OCTET_LAUNCH_BAR_LINE_H_
#define OCTET_LAUNCH_BAR_LINE_H_

#include <mutex>
#include <ostream>
#include <streambuf>
#include <string>

namespace octet {

// The last line of a stream. As long as it lives, whatever else is written to the stream, by any
// thread, takes the line away first and stands in its place.
class BarLine {
 public:
  explicit BarLine(std::ostream& stream);
  BarLine(const BarLine&) = delete;
  BarLine& operator=(const BarLine&) = delete;
  ~BarLine();

  // Draws `text`, one column a byte, in place of what was drawn; not while something else has begun
  // a line and not ended it. What is left of a longer one is covered up to `width` columns.
  void Draw(const std::string& text, size_t width);

  // The same for the last time: it stays, on a line of its own.
  void End(const std::string& text, size_t width);

  // Takes away what is drawn.
  void Hide();

  // It was drawn and then taken away.
  bool gone() const;

 private:
  // Takes the place of the stream meanwhile.
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
  size_t columns_ = 0;  // that are drawn
  bool gone_ = false;
  bool at_line_start_ = true;  // of what else is written
};

}  // namespace octet

#endif  // OCTET_LAUNCH_BAR_LINE_H_
