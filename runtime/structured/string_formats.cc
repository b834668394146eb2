#include "runtime/structured/string_formats.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

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

// RFC 9562. Pydantic's formats uuid1 to uuid8 name the version.
std::string UuidOfVersion(std::string_view format) {
  return absl::StrCat("[0-9a-f]{8}-[0-9a-f]{4}-", std::string(format.substr(4)),
                      "[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
}

constexpr char kOctet[] = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
std::string Ipv4() { return absl::StrCat(kOctet, "(\\.", kOctet, "){3}"); }
constexpr char kIpv6[] = "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}";

// Networks of whole octets; the rest of the address is 0.
std::string Ipv4Network() {
  return absl::StrCat("(", kOctet, "\\.0\\.0\\.0/8|", kOctet, "\\.", kOctet, "\\.0\\.0/16|", kOctet,
                      "(\\.", kOctet, "){2}\\.0/24)");
}

// RFC 4648, up to 300 bytes. `others` are the last two characters of the alphabet.
std::string Base64(std::string_view others) {
  const std::string c = absl::StrCat("[A-Za-z0-9", std::string(others), "]");
  return absl::StrCat("(", c, "{4}){0,100}(", c, "{2}==|", c, "{3}=)?");
}

// RFC 3339, appendix A.
constexpr char kDuration[] =
    "P([0-9]{1,4}W|([0-9]{1,4}Y([0-9]{1,2}M([0-9]{1,2}D)?)?|[0-9]{1,2}M([0-9]{1,2}D)?|"
    "[0-9]{1,2}D)(T([0-9]{1,2}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,2}M([0-9]{1,2}S)?|"
    "[0-9]{1,2}S))?|T([0-9]{1,2}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,2}M([0-9]{1,2}S)?|"
    "[0-9]{1,2}S))";

}  // namespace

bool IsFormatKnown(std::string_view format) {
  const std::vector<std::string_view> known = KnownFormats();
  return std::find(known.begin(), known.end(), format) != known.end();
}

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
  if (format == "ipv4" || format == "ipvanyaddress") return Ipv4();
  if (format == "ipv6") return kIpv6;
  if (format == "ipv4network" || format == "ipvanynetwork") return Ipv4Network();
  if (format == "ipv6network") return "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){3}::/64";
  if (format == "ipv4interface" || format == "ipvanyinterface") {
    return absl::StrCat(Ipv4(), "/([12]?[0-9]|3[0-2])");
  }
  if (format == "ipv6interface") return absl::StrCat(kIpv6, "/([1-9]?[0-9]|1[01][0-9]|12[0-8])");
  if (format == "uuid") return kUuid;
  if (format.size() == 5 && format.starts_with("uuid") && IsFormatKnown(format)) {
    return UuidOfVersion(format);
  }
  if (format == "base64" || format == "byte") return Base64("+/");
  if (format == "base64url") return Base64("_-");
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
          "relative-json-pointer",
          "base64",
          "base64url",
          "byte",
          "uuid1",
          "uuid3",
          "uuid4",
          "uuid5",
          "uuid6",
          "uuid7",
          "uuid8",
          "ipvanyaddress",
          "ipv4network",
          "ipv6network",
          "ipvanynetwork",
          "ipv4interface",
          "ipv6interface",
          "ipvanyinterface"};
}

bool IsAnyTextFormat(std::string_view format) {
  return format == "password" || format == "binary" || format == "path" || format == "file-path" ||
         format == "directory-path";
}

bool IsNumberFormat(std::string_view format) {
  return format == "int32" || format == "int64" || format == "float" || format == "double";
}

}  // namespace octet
