#include "runtime/checkpoint/gguf_model.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/gguf_writer.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;

constexpr char kConvertAnew[] = "; download the file again, or convert the model to GGUF anew";
constexpr char kFirstGguf[] = "d/m-00001-of-00003.gguf";
constexpr char kSecondGguf[] = "d/m-00002-of-00003.gguf";
constexpr char kThirdGguf[] = "d/m-00003-of-00003.gguf";

GgufWriter PartOf(uint16_t number, uint16_t count, int32_t num_tensors,
                  const std::vector<std::string>& tensors) {
  GgufWriter writer;
  writer.AddSplit(number, count, num_tensors);
  for (const std::string& name : tensors) writer.AddTensor(name, {4}, 24, "1234");
  return writer;
}

// A model in three parts: metadata only, then tensors.
class GgufModelTest : public testing::Test {
 protected:
  GgufModelTest() {
    GgufWriter first = PartOf(0, 3, 3, {});
    first.AddString("general.name", "three");
    files_.files[kFirstGguf] = first.Bytes();
    files_.files[kSecondGguf] = PartOf(1, 3, 3, {"b", "a"}).Bytes();
    files_.files[kThirdGguf] = PartOf(2, 3, 3, {"c"}).Bytes();
  }

  void ExpectError(const std::string& path, const std::string& message) {
    EXPECT_EQ(GgufModel::Open(files_, path).status().message(), message);
  }

  MemoryFileSystem files_;
};

TEST_F(GgufModelTest, AnyPartOpensAll) {
  for (const char* path : {kFirstGguf, kSecondGguf, kThirdGguf}) {
    const auto model = GgufModel::Open(files_, path);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->metadata().Get<std::string>("general.name").value(), "three");
    ASSERT_EQ(model->files().size(), 3U);
    std::vector<std::string> places;
    for (const GgufTensorPlace& place : model->tensors()) {
      places.push_back(absl::StrCat(place.tensor->name, " ", place.file->file().path(), " ",
                                    place.tensor->offset, " ", place.tensor->bytes));
    }
    // The headers have 172 and 139 bytes.
    EXPECT_THAT(places,
                ElementsAre("a d/m-00002-of-00003.gguf 224 4", "b d/m-00002-of-00003.gguf 192 4",
                            "c d/m-00003-of-00003.gguf 160 4"));
  }
}

TEST_F(GgufModelTest, AFileAloneIsAModel) {
  GgufWriter writer;
  writer.AddTensor("b", {4}, 24, "1234");
  writer.AddTensor("a", {4}, 24, "1234");
  files_.files["one.gguf"] = writer.Bytes();
  files_.files["only_part.gguf"] = PartOf(0, 1, 1, {"a"}).Bytes();
  const auto model = GgufModel::Open(files_, "one.gguf");
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(model->tensors().size(), 2U);
  EXPECT_EQ(model->tensors()[0].tensor->name, "a");
  EXPECT_TRUE(GgufModel::Open(files_, "only_part.gguf").ok());
}

TEST_F(GgufModelTest, MissingPartsAreNamed) {
  files_.files.erase(kSecondGguf);
  ExpectError(kThirdGguf,
              "d/m-00002-of-00003.gguf: no such file of the 3 parts that d/m-00003-of-00003.gguf "
              "is one of; download the missing parts");
  files_.files.erase(kFirstGguf);
  ExpectError(kThirdGguf,
              "d/m-00001-of-00003.gguf: no such file, nor 1 more of the 3 parts that "
              "d/m-00003-of-00003.gguf is one of; download the missing parts");
}

TEST_F(GgufModelTest, ANameMustBeThatOfThePart) {
  constexpr char kMustEnd[] =
      ": its metadata say that it is part 2 of 3, so its name must end with -00002-of-00003.gguf; "
      "give all parts the names that they had";
  for (const char* path : {"d/m.gguf", "d/m-00001-of-00003.gguf", "d/m-00002-of-00004.gguf"}) {
    files_.files[path] = files_.files[kSecondGguf];
    ExpectError(path, absl::StrCat(path, kMustEnd));
  }
  ExpectError(kSecondGguf, absl::StrCat(kFirstGguf, kMustEnd));
}

TEST_F(GgufModelTest, RefusesPartsThatDoNotFit) {
  const std::string third = files_.files[kThirdGguf];
  files_.files[kThirdGguf] = PartOf(2, 3, 4, {"c"}).Bytes();
  ExpectError(kFirstGguf, absl::StrCat(kThirdGguf, ": states 4 tensors in all parts, but ",
                                       kFirstGguf, " states 3", kConvertAnew));
  files_.files[kThirdGguf] = PartOf(2, 3, 3, {}).Bytes();
  ExpectError(
      kFirstGguf,
      absl::StrCat(kFirstGguf, ": states 3 tensors in all parts, but they have 2", kConvertAnew));
  files_.files[kThirdGguf] = PartOf(2, 3, 3, {"a"}).Bytes();
  ExpectError(kFirstGguf,
              absl::StrCat(kThirdGguf, ": tensor 'a': is also in ", kSecondGguf, kConvertAnew));
  files_.files[kThirdGguf] = GgufWriter().Bytes();
  ExpectError(kFirstGguf,
              absl::StrCat(kThirdGguf,
                           ": its metadata have no 'split.no'; convert the model to GGUF "
                           "anew"));
  files_.files[kThirdGguf] = third.substr(0, 100);
  EXPECT_THAT(std::string(GgufModel::Open(files_, kFirstGguf).status().message()),
              testing::StartsWith(absl::StrCat(kThirdGguf, ": metadata 'split.tensors.count': ")));
}

TEST_F(GgufModelTest, RefusesNumbersOfPartsThatCannotBe) {
  files_.files["x.gguf"] = PartOf(3, 3, 0, {}).Bytes();
  ExpectError("x.gguf", absl::StrCat("x.gguf: metadata 'split.no' counts from 0 and is 3, but "
                                     "there are 3 parts",
                                     kConvertAnew));
  GgufWriter many;
  many.AddUint32("split.no", 0);
  many.AddUint32("split.count", 100'000);
  many.AddUint32("split.tensors.count", 0);
  files_.files["x.gguf"] = many.Bytes();
  ExpectError("x.gguf", absl::StrCat("x.gguf: is part 1 of 100000, but a model has at most 99999 "
                                     "parts",
                                     kConvertAnew));
}

TEST_F(GgufModelTest, IsFoundInADirectory) {
  EXPECT_EQ(FindGguf(files_, "d").value(), kFirstGguf);
  EXPECT_EQ(FindGguf(files_, kSecondGguf).value(), kSecondGguf);
  files_.files["d/other"] = files_.files[kSecondGguf];
  EXPECT_EQ(FindGguf(files_, "d/other").value(), "d/other");
  EXPECT_EQ(FindGguf(files_, "nothing.gguf").value(), "nothing.gguf");
  EXPECT_EQ(FindGguf(files_, "nothing").value(), std::nullopt);
  files_.files["d/n.gguf"] = "";
  EXPECT_EQ(FindGguf(files_, "d").status().message(),
            "d: has 2 GGUF models; give the file of one of them: m-00001-of-00003.gguf, n.gguf");
  files_.files["d/model.safetensors"] = "";
  EXPECT_EQ(FindGguf(files_, "d").value(), std::nullopt);
  files_.files["e/config.json"] = "{}";
  EXPECT_EQ(FindGguf(files_, "e").value(), std::nullopt);
}

}  // namespace
}  // namespace octet
