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
  if (format == "email") return kEmail;
  if (format == "hostname") return kHostName;
  if (format == "ipv4") return absl::StrCat(kOctet, "(\\.", kOctet, "){3}");
  if (format == "ipv6") return "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}";
  if (format == "uuid") return kUuid;
  return "";
}

std::vector<std::string_view> KnownFormats() {
  return {"date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"};
}

}  // namespace octet
