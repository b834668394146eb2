#include "launch/tokenize.h"

#include <absl/strings/str_cat.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <span>
#include <string>

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

class TokenizeCommand : public Subcommand {
 public:
  explicit TokenizeCommand(CommandLine& parent)
      : Subcommand(parent, "tokenize", "token ids of each line of text, no BOS") {
    line().AddRequiredText("--model", model_, "model directory, tokenizer.model or tokenizer.json");
    line().AddText("-i,--input", input_, "text; default: standard input");
    line().OnSwitch(
        "--special-tokens", [this] { spelling_ = Spelling::kToken; },
        "the spelling of a control or added token (</s>) is that token, not text");
  }

  ExitCode Run(Communicator& world) override {
    if (world.rank() != 0) return ExitCode::kDone;
    PosixFileSystem files;
    const absl::StatusOr<Tokenizer> tokenizer = LoadTokenizerFor(files, model_);
    if (!tokenizer.ok()) return ExitWith(world, tokenizer.status(), ExitCode::kCannotServe);
    std::ifstream file;
    if (!input_.empty()) file.open(input_);
    if (!input_.empty() && !file) {
      return ExitWith(world, absl::NotFoundError("can't read -i " + input_),
                      ExitCode::kCannotServe);
    }
    std::ios::sync_with_stdio(false);
    for (const std::string& note : tokenizer->notes()) Say(world, "note: " + note);
    const absl::Status status =
        TokenizeLines(*tokenizer, spelling_, input_.empty() ? std::cin : file, std::cout);
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
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
  for (uint64_t number = 1; std::getline(in, line); ++number) {
    if (line.size() > Tokenizer::kMaxTextBytes) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " has ", line.size(),
                                                     " bytes; at most ", Tokenizer::kMaxTextBytes,
                                                     " can be tokenized at once"));
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
