#include "runtime/structured/string_formats.h"

#include <absl/strings/str_cat.h>

namespace octet {
namespace {

// RFC 3339, section 5.6.
std::string FullDate() {
  constexpr char kYear[] = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})";
  constexpr char kLeapYear[] =
      "(00(0[48]|[2468][048]|[13579][26])|(0[1-9]|[1-9][0-9])(0[48]|[2468][048]|[13579][26])|"
      "(0[48]|[2468][048]|[13579][26])00)";
  return absl::StrCat("(", kYear,
                      "-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|"
                      "30)|02-(0[1-9]|1[0-9]|2[0-8]))|",
                      kLeapYear, "-02-29)");
}

constexpr char kFullTime[] =
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?"
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";

constexpr char kHostName[] =
    "[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}(\\.[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}){0,3}";

// RFC 5321's Dot-string, at a domain of two labels or more.
constexpr char kEmail[] =
    "[A-Za-z0-9_+-]{1,20}(\\.[A-Za-z0-9_+-]{1,20}){0,2}@"
    "[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}(\\.[a-z0-9]{1,20}){0,2}\\.[a-z]{2,10}";

// RFC 3986, with a scheme, a host and few parts.
constexpr char kUriTail[] =
    "(/[A-Za-z0-9._~-]{0,40}){0,8}(\\?[A-Za-z0-9._~=&+-]{0,80})?(#[A-Za-z0-9._~-]{0,40})?";
std::string Uri() {
  return absl::StrCat("(https?|ftp)://", kHostName, "(:[1-9][0-9]{1,3})?", kUriTail);
}
std::string UriReference() {
  return absl::StrCat("(", Uri(), "|/[A-Za-z0-9._~-]{1,40}", kUriTail, ")");
}

// RFC 6901.
constexpr char kJsonPointer[] = "(/([A-Za-z0-9_.-]|~[01]){0,40}){0,8}";

constexpr char kUuid[] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

constexpr char kOctet[] = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

// RFC 3339, appendix A.
constexpr char kDuration[] =
    "P([0-9]{1,4}W|([0-9]{1,4}Y([0-9]{1,2}M([0-9]{1,2}D)?)?|[0-9]{1,2}M([0-9]{1,2}D)?|"
    "[0-9]{1,2}D)(T([0-9]{1,2}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,2}M([0-9]{1,2}S)?|"
    "[0-9]{1,2}S))?|T([0-9]{1,2}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,2}M([0-9]{1,2}S)?|"
    "[0-9]{1,2}S))";

}  // namespace

std::string RegexOfFormat(std::string_view format) {
  if (format == "date") return FullDate();
  if (format == "time") return kFullTime;
  if (format == "date-time") return absl::StrCat(FullDate(), "T", kFullTime);
  if (format == "duration") return kDuration;
  if (format == "email" || format == "idn-email") return kEmail;
  if (format == "hostname" || format == "idn-hostname") return kHostName;
  if (format == "uri" || format == "iri") return Uri();
  if (format == "uri-reference" || format == "iri-reference") return UriReference();
  if (format == "json-pointer") return kJsonPointer;
  if (format == "relative-json-pointer")
    return absl::StrCat("(0|[1-9][0-9]{0,2})(#|", kJsonPointer, ")");
  if (format == "ipv4") return absl::StrCat(kOctet, "(\\.", kOctet, "){3}");
  if (format == "ipv6") return "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}";
  if (format == "uuid") return kUuid;
  return "";
}

std::vector<std::string_view> KnownFormats() {
  return {"date",
          "time",
          "date-time",
          "duration",
          "email",
          "idn-email",
          "hostname",
          "idn-hostname",
          "ipv4",
          "ipv6",
          "uuid",
          "uri",
          "uri-reference",
          "iri",
          "iri-reference",
          "json-pointer",
          "relative-json-pointer"};
}

bool IsNumberFormat(std::string_view format) {
  return format == "int32" || format == "int64" || format == "float" || format == "double";
}

}  // namespace octet
