// A page of HTML that is complete in itself.

#ifndef OCTET_LAUNCH_PAGES_HTML_PAGE_H_
#define OCTET_LAUNCH_PAGES_HTML_PAGE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "launch/pages/picture.h"

namespace octet {

// Returns text or an attribute's value in which nothing is markup, and which XML allows.
std::string HtmlText(std::string_view text);

struct HtmlTable {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;  // as long as the head
  bool is_folded = false;  // on a screen, until the reader opens it; never on paper
};

// Collects a page. All texts are escaped. The page is well-formed XML too, has no script and
// forbids its reader to load anything.
class HtmlPage {
 public:
  // Draws a picture as an <svg> element.
  using Drawing =
      std::function<absl::StatusOr<std::string>(const std::string& name, const Picture&)>;

  HtmlPage(std::string title, Drawing draw) : title_(std::move(title)), draw_(std::move(draw)) {}

  // Adds to the head of the page, above the contents.
  void Answer(const std::string& sentence);
  void Alarm(const std::string& sentence);  // in red, and with a word that says so
  void Lead(const std::string& sentence);   // in the list below these

  // Begins a section, which the contents list. `source` is the path of its file, or empty.
  void Section(const std::string& title, const std::string& source);

  void Heading(const std::string& text);
  void Paragraph(const std::string& text);
  void Table(const HtmlTable& table);

  // Adds the picture, if it can be drawn. After a failure no more are drawn.
  void Figure(const std::string& caption, const Picture& picture);

  // Returns why pictures are missing.
  const absl::Status& drawing_status() const { return drawing_status_; }

  std::string Finish() const;

 private:
  std::string title_;
  Drawing draw_;
  absl::Status drawing_status_;
  int num_figures_ = 0;
  int num_sections_ = 0;
  std::string head_, lead_, contents_, body_;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_HTML_PAGE_H_
