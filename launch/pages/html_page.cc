#include "launch/pages/html_page.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include "kernels/base/check.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

constexpr char kStyle[] = R"(
body { font: 15px/1.45 sans-serif; color: #111; background: #fff; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1rem; font-weight: normal; color: #444; margin: 0; }
h2 { margin: 2.5rem 0 .3rem; border-top: 2px solid #111; padding-top: .5rem; }
h3 { margin: 1.6rem 0 .3rem; }
.answer { font-size: 1.45rem; line-height: 1.35; margin: .5rem 0 1rem; }
.alarm { color: #b00000; border: 2px solid #b00000; padding: .5rem .8rem; font-weight: bold; }
.source, figcaption, caption { color: #444; font-size: .9rem; text-align: left; }
caption { padding: .3rem 0; }
figure { margin: 1rem 0; break-inside: avoid; }
svg { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; }
details { margin: .6rem 0; }
summary { color: #444; font-size: .9rem; cursor: pointer; }
table { border-collapse: collapse; font-size: .85rem; margin: .6rem 0; }
th, td { padding: .15rem .6rem .15rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd; overflow-wrap: break-word; max-width: 26rem; }
th { border-bottom: 1px solid #111; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font-size: .9em; overflow-wrap: anywhere; }
nav ul { columns: 2; padding-left: 1.2rem; }
h1, h2, li, p { overflow-wrap: anywhere; }
@media print { html { font-size: 12px; } body { margin: 0; max-width: none; font-size: 12px; } a { color: inherit; } .scroll { overflow: visible; } tr { break-inside: avoid; } h2, h3 { break-after: avoid; } details::details-content { content-visibility: visible; display: block; } }
)";

bool IsNumeral(const std::string& text) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  return text == "-" || (text.size() > sign && text[sign] >= '0' && text[sign] <= '9');
}

std::string Element(const std::string& name, const std::string& text) {
  const std::string tag = name.substr(0, name.find(' '));
  return absl::StrCat("<", name, ">", HtmlText(text), "</", tag, ">\n");
}

bool IsAllowedInXml(char32_t c) {
  const bool is_control = (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0);
  return !is_control && c != 0xfffe && c != 0xffff;
}

}  // namespace

std::string HtmlText(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const Utf8Char c = FirstUtf8Char(text);
    const bool is_good = c.size > 0 && IsAllowedInXml(c.code_point);
    clean += is_good ? text.substr(0, c.size) : kReplacementCharacter;
    text.remove_prefix(c.size > 0 ? c.size : 1);
  }
  return absl::StrReplaceAll(
      clean, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

void HtmlPage::Answer(const std::string& sentence) {
  head_ += Element("p class=\"answer\"", sentence);
}

void HtmlPage::Alarm(const std::string& sentence) {
  head_ += Element("p class=\"alarm\"", absl::StrCat("VOID: ", sentence));
}

void HtmlPage::Lead(const std::string& sentence) { lead_ += Element("li", sentence); }

void HtmlPage::Section(const std::string& title, const std::string& source) {
  const std::string id = absl::StrCat("s", ++num_sections_);
  absl::StrAppend(&contents_, "<li><a href=\"#", id, "\">", HtmlText(title), "</a></li>\n");
  absl::StrAppend(&body_, "<h2 id=\"", id, "\">", HtmlText(title), "</h2>\n");
  if (source.empty()) return;
  absl::StrAppend(&body_, "<p class=\"source\">from <code>", HtmlText(source), "</code></p>\n");
}

void HtmlPage::Heading(const std::string& text) { body_ += Element("h3", text); }

void HtmlPage::Paragraph(const std::string& text) { body_ += Element("p", text); }

void HtmlPage::Table(const HtmlTable& table) {
  if (table.is_folded) {
    absl::StrAppend(&body_, "<details>\n", Element("summary", table.caption));
  }
  absl::StrAppend(&body_, "<div class=\"scroll\"><table>\n");
  if (!table.caption.empty() && !table.is_folded) body_ += Element("caption", table.caption);
  absl::StrAppend(&body_, "<thead><tr>");
  for (const std::string& name : table.head) body_ += Element("th scope=\"col\"", name);
  absl::StrAppend(&body_, "</tr></thead>\n<tbody>\n");
  for (const std::vector<std::string>& row : table.rows) {
    OCTET_CHECK_EQ(row.size(), table.head.size());
    absl::StrAppend(&body_, "<tr>");
    for (const std::string& cell : row)
      body_ += Element(IsNumeral(cell) ? "td class=\"n\"" : "td", cell);
    absl::StrAppend(&body_, "</tr>\n");
  }
  absl::StrAppend(&body_, "</tbody></table></div>\n", table.is_folded ? "</details>\n" : "");
}

void HtmlPage::Figure(const std::string& caption, const Picture& picture) {
  if (!drawing_status_.ok()) return;
  const std::string name = absl::StrCat("fig", ++num_figures_);
  const absl::StatusOr<std::string> svg = draw_(name, picture);
  drawing_status_ = svg.status();
  if (!svg.ok()) return;
  absl::StrAppend(&body_, "<figure role=\"group\">\n", *svg,
                  Element("figcaption", absl::StrCat("Figure ", num_figures_, ". ", caption)),
                  "</figure>\n");
}

std::string HtmlPage::Finish() const {
  std::string notes;
  if (!drawing_status_.ok()) {
    notes = Element("p",
                    absl::StrCat("Pictures are missing: ", std::string(drawing_status_.message())));
  }
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>",
      HtmlText(title_), "</title>\n<link rel=\"icon\" href=\"data:,\"/>\n<style>", kStyle,
      "</style>\n</head>\n<body>\n<h1>", HtmlText(title_), "</h1>\n", head_,
      lead_.empty() ? "" : absl::StrCat("<ul>\n", lead_, "</ul>\n"), notes, "<nav><ul>\n",
      contents_, "</ul></nav>\n", body_, "</body>\n</html>\n");
}

}  // namespace octet
