#include "launch/inspect/tokenize.h"

#include <absl/strings/str_cat.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <span>
#include <string>

#include "launch/console/console.h"
#include "runtime/checkpoint/gguf_model_files.h"
#include "runtime/io/line_reader.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

void AppendIds(std::span<const int32_t> ids, std::string& text) {
  for (const int32_t id : ids) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof(digits), id).ptr;
    if (!text.empty()) text += ' ';
    text.append(digits, end);
  }
}

// Reads a line like std::getline, but of a too long line only enough to detect it.
bool ReadLine(std::istream& in, std::string& line) {
  line.clear();
  std::streambuf& bytes = *in.rdbuf();
  while (line.size() <= LineReader::kMaxLineBytes) {
    const auto c = bytes.sbumpc();
    if (c == std::istream::traits_type::eof()) {
      in.setstate(std::ios::eofbit);
      return !line.empty();
    }
    if (c == '\n') return true;
    line += static_cast<char>(c);
  }
  return true;
}

class TokenizeCommand : public Subcommand {
 public:
  explicit TokenizeCommand(CommandLine& parent)
      : Subcommand(parent, "tokenize", "token ids of each line of text, no BOS") {
    line().AddRequiredText("--model", model_,
                           "model directory, GGUF file, tokenizer.model or tokenizer.json");
    line().AddText("-i,--input", input_, "text; default, and -: standard input");
    line().OnSwitch(
        "--special-tokens", [this] { spelling_ = Spelling::kToken; },
        "the spelling of a control or added token (</s>) is that token, not text");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    const absl::StatusOr<Tokenizer> tokenizer = LoadModelTokenizer(files, model_);
    if (!tokenizer.ok()) return ExitWith(world, tokenizer.status(), ExitCode::kCannotServe);
    const bool from_file = !input_.empty() && input_ != "-";
    std::ifstream file;
    if (from_file) file.open(input_);
    if (from_file && (!file || files.IsDirectory(input_))) {
      return ExitWith(world, absl::NotFoundError(absl::StrCat("can't read -i ", Quoted(input_))),
                      ExitCode::kCannotServe);
    }
    std::ios::sync_with_stdio(false);
    for (const std::string& note : tokenizer->notes()) Say(world, "note: " + note);
    const absl::Status status =
        TokenizeLines(*tokenizer, spelling_, from_file ? file : std::cin, std::cout);
    if (status.ok()) return ExitCode::kDone;
    return ExitWith(world, status,
                    absl::IsInvalidArgument(status) ? ExitCode::kCannotServe : ExitCode::kFailed);
  }

 private:
  std::string model_;
  std::string input_;
  Spelling spelling_ = Spelling::kText;
};

}  // namespace

absl::Status TokenizeLines(const Tokenizer& tokenizer, Spelling spelling, std::istream& in,
                           std::ostream& out) {
  std::string line;
  std::string ids;
  for (uint64_t number = 1; ReadLine(in, line); ++number) {
    if (line.size() > LineReader::kMaxLineBytes) {
      const auto code = number == 1 ? absl::StatusCode::kInvalidArgument  // nothing is written yet
                                    : absl::StatusCode::kOutOfRange;
      return {code, absl::StrCat("line ", number, " has more than ", LineReader::kMaxLineBytes,
                                 " bytes, which can't be tokenized at once")};
    }
    ids.clear();
    AppendIds(spelling == Spelling::kToken
                  ? tokenizer.EncodePrompt(line, /*add_special_tokens=*/false)
                  : tokenizer.Encode(line),
              ids);
    ids += '\n';
    if (!out.write(ids.data(), static_cast<std::streamsize>(ids.size()))) break;
  }
  out.flush();
  if (!out) return absl::DataLossError("the ids could not be written; is the disk full?");
  if (in.bad()) return absl::DataLossError("the text could not be read to its end");
  return absl::OkStatus();
}

std::unique_ptr<Subcommand> AddTokenize(CommandLine& parent) {
  return std::make_unique<TokenizeCommand>(parent);
}

}  // namespace octet
