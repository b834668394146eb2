#include "launch/manual/man_page.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

namespace octet {
namespace {

// Returns the text as roff shows it: no letter is a request or an escape.
std::string RoffText(const std::string& text) {
  std::string roff;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool is_request = line.substr(0, 1) == "." || line.substr(0, 1) == "'";
    absl::StrAppend(&roff, roff.empty() ? "" : "\n", is_request ? "\\&" : "",
                    absl::StrReplaceAll(line, {{"\\", "\\e"}, {"-", "\\-"}, {"'", "\\(aq"}}));
  }
  return roff;
}

std::string FormatRoffFlag(const FlagDescription& flag) {
  std::string text = ".TP\n";
  for (const std::string& name : flag.names) {
    absl::StrAppend(&text, name == flag.names.front() ? "" : ", ", "\\fB", RoffText(name), "\\fR");
  }
  if (!flag.value.empty()) {
    absl::StrAppend(&text, flag.names.empty() ? "" : " ", "\\fI", RoffText(flag.value), "\\fR");
  }
  return absl::StrCat(text, "\n", RoffText(flag.help), "\n");
}

// Returns the section of a command, and those of its own commands.
std::string FormatRoffCommand(const CommandDescription& command, const std::string& path) {
  std::string text = absl::StrCat(".SS \"", RoffText(path), "\"\n", RoffText(command.help), "\n");
  for (const FlagDescription& flag : command.flags) absl::StrAppend(&text, FormatRoffFlag(flag));
  for (const CommandDescription& sub : command.commands) {
    absl::StrAppend(&text, FormatRoffCommand(sub, absl::StrCat(path, " ", sub.name)));
  }
  return text;
}

constexpr char kRoffSynopsis[] = R"(.SH SYNOPSIS
\fBoctet\fR \fICOMMAND\fR [\fIFLAG\fR ...]
.PP
\fBoctet\-run\fR [\fB\-n\fR \fIRANKS\fR] [\fB\-\-hosts\fR \fIA,B,...\fR | \fB\-\-hostfile\fR \fIFILE\fR]
[\fIFLAG\fR ...] \fICOMMAND\fR [\fIFLAG\fR ...]
.SH DESCRIPTION
The experts of each layer are spread over the ranks of an MPI job.
.B octet\-run
starts such a job with
.BR mpirun (1):
on this host, on hosts that are reached by ssh, or on those of a SLURM allocation.
.B octet
alone is a job of one rank. Without arguments
.B octet\-run
tells its own flags.
)";

constexpr char kRoffEnd[] = R"(.SH EXIT STATUS
.TP
0
Done.
.TP
1
Failed while it ran, or
.B octet doctor
found an error.
.TP
2
The job can\(aqt be served as asked. Nothing was written.
.TP
75
Stopped before its end. The flag \fB\-\-resume\fR goes on.
.SH EXAMPLES
.nf
octet\-run \-n 4 run\-batch \-\-model DIR \-i prompts.jsonl \-o answers.jsonl
octet\-run \-\-hostfile hosts doctor \-\-model DIR
.fi
.SH SEE ALSO
.BR mpirun (1),
/usr/share/doc/octet
)";

}  // namespace

std::string FormatManPage(const CommandDescription& program, const std::string& version) {
  std::string text = absl::StrCat(".TH OCTET 1 \"\" \"octet ", RoffText(version),
                                  "\" \"User Commands\"\n.SH NAME\noctet \\- ",
                                  RoffText(program.help), "\n", kRoffSynopsis, ".SH FLAGS\n");
  for (const FlagDescription& flag : program.flags) absl::StrAppend(&text, FormatRoffFlag(flag));
  absl::StrAppend(&text, ".SH COMMANDS\n");
  for (const CommandDescription& command : program.commands) {
    absl::StrAppend(&text, FormatRoffCommand(command, absl::StrCat("octet ", command.name)));
  }
  return absl::StrCat(text, kRoffEnd);
}

}  // namespace octet
