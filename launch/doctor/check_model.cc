#include <absl/strings/str_cat.h>

#include <string>
#include <vector>

#include "launch/doctor/checks.h"

namespace octet {
namespace {

const ModelFileFacts* FileNamed(const ModelFacts& model, const std::string& name) {
  for (const ModelFileFacts& file : model.files()) {
    if (file.name() == name) return &file;
  }
  return nullptr;
}

std::string WithOthers(const std::vector<std::string>& names) {
  if (names.size() == 1) return names[0];
  return absl::StrCat(names[0], " and ", names.size() - 1,
                      names.size() == 2 ? " other file" : " other files");
}

std::string CopyModel(const CheckInput& input, const std::string& from, const std::string& to) {
  const std::string& path = input.report.model_path();
  return absl::StrCat("rsync -rc ", from, ":", path, " to ", to,
                      ", or use a file system that all hosts share");
}

// Compares the files of a host with those of the reference.
void CompareModels(const CheckInput& input, const DoctorHost& reference, const DoctorHost& host,
                   FindingList& findings) {
  const ModelFacts& right = reference.facts().model();
  const ModelFacts& model = host.facts().model();
  const std::string remedy = CopyModel(input, reference.name, "the hosts that differ");
  const auto add = [&](const char* check, const std::string& text) {
    findings.Add(host.name, {kDoctorError, check, text, remedy});
  };
  if (model.format() != right.format()) {
    add("model-format", absl::StrCat("the model is ", model.format(), ", on ", reference.name,
                                     " it is ", right.format()));
    return;
  }
  std::vector<std::string> missing;
  std::vector<std::string> other_size;
  std::vector<std::string> other_bytes;
  std::vector<std::string> extra;
  for (const ModelFileFacts& file : right.files()) {
    const ModelFileFacts* own = FileNamed(model, file.name());
    if (own == nullptr) {
      missing.push_back(file.name());
    } else if (own->bytes() != file.bytes()) {
      other_size.push_back(file.name());
    } else if (own->hash() != file.hash()) {
      other_bytes.push_back(file.name());
    }
  }
  for (const ModelFileFacts& file : model.files()) {
    if (FileNamed(right, file.name()) == nullptr) extra.push_back(file.name());
  }
  const std::string than = absl::StrCat(" than on ", reference.name);
  if (!missing.empty()) {
    add("model-missing",
        absl::StrCat("the model lacks ", WithOthers(missing), ", which ", reference.name, " has"));
  }
  if (!other_size.empty()) {
    add("model-size", absl::StrCat("the size of ", WithOthers(other_size), " is another", than));
  }
  if (!other_bytes.empty()) {
    add("model-content", absl::StrCat(WithOthers(other_bytes), " has other bytes", than));
  }
  if (!extra.empty()) {
    add("model-extra",
        absl::StrCat("the model has ", WithOthers(extra), ", which ", reference.name, " lacks"));
  }
}

}  // namespace

void CheckModel(const CheckInput& input, FindingList& findings) {
  if (input.report.model_path().empty()) return;
  const DoctorHost* reference = nullptr;
  for (const DoctorHost& host : input.hosts) {
    const ModelFacts& model = host.facts().model();
    if (!model.error().empty()) {
      findings.Add(host.name, {kDoctorError, "model", model.error(),
                               "put the same model under this path on each host"});
    }
    if (model.files_size() > 0 &&
        (reference == nullptr || !reference->facts().model().error().empty())) {
      if (reference == nullptr || model.error().empty()) reference = &host;
    }
  }
  if (reference == nullptr) return;
  for (const DoctorHost& host : input.hosts) {
    if (&host == reference || host.facts().model().files_size() == 0) continue;
    CompareModels(input, *reference, host, findings);
  }
}

}  // namespace octet
