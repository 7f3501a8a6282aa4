// The program strokes: trained for a moment on small files and fonts.
#include "examples/strokes/report.h"
#include "tests/examples/run_program.h"
#include "tests/examples/strokes/fonts.h"
#include "tests/examples/strokes/scans.h"
#include "tests/examples/strokes/scribbles.h"

namespace {

std::vector<std::string> quick(const std::vector<std::string>& more) {
  std::vector<std::string> out{"--threads", "1", "--hidden", "8"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

Outcome good(const std::vector<std::string>& arguments) {
  const Outcome outcome = run_program("strokes", arguments);
  CAPTURE(outcome.err);
  REQUIRE(outcome.code == 0);
  return outcome;
}

}  // namespace

TEST_CASE("strokes compares strokes, their image, shuffled ones and the nearest neighbour") {
  const Folder folder;
  write_fonts(folder);
  const std::string json = folder / "o.json";
  const Outcome run = good(
      quick({"--task", "strokes", "image", "shuffled", "shuffled_strokes", "--fonts", folder / "",
             "--copies", "2", "--epochs", "2", "--json", json, "--pictures", folder / "pictures"}));
  if (run.out.find("gnuplot is not installed") == std::string::npos) {
    const std::string picture = unroll::read_file(folder / "pictures/strokes.svg");
    CHECK(picture.find("pen, synthetic") != std::string::npos);
    CHECK(picture.find("path of the pen") != std::string::npos);
  }
  CHECK(run.out.find("Synthetic drawings") != std::string::npos);
  check_plain(run.err);
  const Numbers numbers(json);
  for (const std::string name : {"strokes", "image", "shuffled", "shuffled_strokes",
                                 "nearest_neighbour.strokes", "nearest_neighbour.image"}) {
    CHECK(numbers["accuracy." + name] >= 0);
    CHECK(numbers["accuracy." + name] <= 1);
  }
  CHECK(numbers["synthetic"] == 1);
  CHECK(numbers["difference.strokes.image"] ==
        doctest::Approx(numbers["accuracy.strokes"] - numbers["accuracy.image"]));
  CHECK(numbers["difference.strokes.shuffled.standard_error"] >= 0);
}

TEST_CASE("strokes learns shapes from a file in each of the three forms") {
  const Folder folder;
  for (const std::string& text : {pairs_file(240), unipen_file(240), json_file(240)}) {
    const Numbers numbers =
        numbers_of("strokes", {"--threads", "1", "--task", "strokes", "--epochs", "6", "--hidden",
                               "16", "--data", folder.write("d", text)});
    CHECK(numbers["accuracy.strokes"] > 0.85);
    CHECK(numbers["accuracy.nearest_neighbour.strokes"] > 0.85);
    CHECK(numbers["synthetic"] == 0);
  }
  const Outcome by_writer = good(
      quick({"--task", "strokes", "--epochs", "1", "--data", folder.write("d", json_file(60))}));
  CHECK(by_writer.out.find("split by writer") != std::string::npos);
  const Outcome by_file =
      good(quick({"--task", "strokes", "--epochs", "1", "--data", folder.write("d", pairs_file(60)),
                  "--test", folder.write("t", pairs_file(30, 2))}));
  CHECK(by_file.out.find("30 test, split by file") != std::string::npos);
}

TEST_CASE("a saved model predicts and is tested, and a resumed run equals the whole one") {
  const Folder folder;
  const std::string two = folder / "two", one = folder / "one", csv = folder / "o.csv",
                    data = folder.write("d", pairs_file(90)),
                    asked = folder.write("a", pairs_file(6, 5, false));
  const auto trained = [&](const std::string& epochs, const std::string& file) {
    good(quick({"--task", "strokes", "--data", data, "--epochs", epochs, "--save", file}));
  };
  trained("2", two);
  good({"--load", two, "--predict", asked, "--out", csv});
  const std::string rows = unroll::read_file(csv);
  CHECK(rows.rfind("drawing,class,probability\n1,", 0) == 0);
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 7);
  trained("1", one);
  good({"--resume", one, "--epochs", "2", "--save", one});
  good({"--load", one, "--predict", asked, "--out", csv});
  CHECK(unroll::read_file(csv) == rows);
  const Numbers tested =
      numbers_of("strokes", {"--load", two, "--test", folder.write("t", unipen_file(30))});
  CHECK(tested["accuracy.strokes"] >= 0);
}

TEST_CASE("a model trained on synthetic drawings says so wherever it is used") {
  const Folder folder;
  write_fonts(folder);
  const std::string model = folder / "model", data = folder.write("d", pairs_file(30));
  good(quick({"--task", "strokes", "--fonts", folder / "", "--copies", "1", "--epochs", "1",
              "--save", model}));
  const Outcome tested = good({"--load", model, "--test", data});
  CHECK(tested.out.find("trained on synthetic") != std::string::npos);
  CHECK(numbers_of("strokes", {"--load", model, "--test", data})["synthetic"] == 1);
  CHECK(good({"--load", model, "--predict", data}).err.find("trained on synthetic drawings") !=
        std::string::npos);
}

TEST_CASE("images in the order of their classes are refused with the reason") {
  const Folder folder;
  const std::string images = write_scans(folder, 50);
  std::string labels;
  for (int i = 0; i < 50; ++i) labels += static_cast<char>(i / 10);
  folder.write("small-labels-idx1-ubyte", idx_file({50}, labels));
  check_refused("strokes", {"--task", "rows", "--images", images, "--epochs", "1"},
                "a label from 0 to 3, as among the first four fifths of the images, which train, "
                "was required: got 4");
}

TEST_CASE("scanned images are read row by row or pixel by pixel, and by a saved model") {
  const Folder folder;
  const std::string images = write_scans(folder, 120), model = folder / "model";
  const Numbers rows = numbers_of("strokes", quick({"--images", images, "--epochs", "8"}));
  CHECK(rows["accuracy.rows"] > 0.85);
  CHECK(rows["accuracy.nearest_neighbour.rows"] > 0.85);
  CHECK_FALSE(rows.contains("accuracy.strokes"));
  const Numbers pixels = numbers_of(
      "strokes", quick({"--task", "pixels", "--images", images, "--epochs", "1", "--model",
                        "mingru", "--images-per-epoch", "10", "--save", model}));
  CHECK(pixels["accuracy.pixels"] >= 0);
  CHECK(numbers_of("strokes", {"--load", model, "--test", images}).contains("accuracy.pixels"));
  const Outcome asked = good({"--load", model, "--predict", images});
  CHECK(std::count(asked.out.begin(), asked.out.end(), '\n') == 121);
  CHECK(asked.err.find("120 images by mingru") != std::string::npos);
}

TEST_CASE("the standard error of groups is that of single examples if each is a group") {
  unroll::Generator random(1);
  std::vector<bool> first, second;
  std::vector<unroll::Index> single, pairs;
  double sum = 0, squares = 0;
  constexpr int kCount = 200;
  for (int i = 0; i < kCount; ++i) {
    first.push_back(random.below(10) < 8), second.push_back(random.below(10) < 6);
    single.push_back(i), pairs.push_back(i);
    const double d = static_cast<double>(first.back()) - static_cast<double>(second.back());
    sum += d, squares += d * d;
  }
  const double mean = sum / kCount,
               error = std::sqrt((squares / kCount - mean * mean) / (kCount - 1));
  const auto alone = strokes::difference(first, second, single);
  CHECK(alone.mean == doctest::Approx(mean));
  CHECK(alone.standard_error == doctest::Approx(error));
  // Each example twice: the same mean, and the error does not shrink if pairs are groups.
  for (int i = 0; i < kCount; ++i)
    first.push_back(first[i]), second.push_back(second[i]), pairs.push_back(i);
  const auto twice = strokes::difference(first, second, pairs);
  CHECK(twice.mean == doctest::Approx(mean));
  CHECK(twice.standard_error == doctest::Approx(error));
}
