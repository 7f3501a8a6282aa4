// Hershey fonts and the synthetic drawings made of them.
#include "tests/examples/strokes/fonts.h"
#include "examples/strokes/synthetic.h"
#include "tests/examples/run_program.h"
#include "tests/support.h"

#include <filesystem>
#include <set>

using namespace strokes;

TEST_CASE("a glyph in JHF format is read with its strokes, also over two lines") {
  const Folder folder;
  // R is 0: a line from (-1, 1) to (1, -1), y downwards in the file; then a point up and right.
  const auto glyphs = read_jhf(folder.write("a.jhf",
                                            "    1  5MWQQSS RTT\n    2  1JZ\n    3  3JZR\nRS"
                                            "S\n"));
  REQUIRE(glyphs.size() == 3);
  REQUIRE(glyphs[0].size() == 2);
  CHECK(glyphs[0][0][0].x == -1);
  CHECK(glyphs[0][0][0].y == 1);
  CHECK(glyphs[0][0][1].x == 1);
  CHECK(glyphs[0][0][1].y == -1);
  CHECK(glyphs[0][1].size() == 1);
  CHECK(glyphs[1].empty());
  REQUIRE(glyphs[2].size() == 1);
  CHECK(glyphs[2][0].size() == 2);
  for (const std::string bad : {"x", "    1  9MWQQ\n", "    1  0\n", "    1 abMWQQ\n"})
    unroll::check_says(unroll::message_of([&] { read_jhf(folder.write("b.jhf", bad)); }),
                       "required");
}

TEST_CASE("faces with an equal glyph are one face, so no glyph is in two parts") {
  const Folder folder;
  write_fonts(folder);
  const auto faces = read_faces(folder / "", "digits");
  REQUIRE(faces.size() == 4);  // of five files, two have the same digits
  unroll::Generator random(1);
  const FaceSplit split = split_faces(faces, random);
  CHECK(split.train.size() + split.validation.size() + split.test.size() == 4);
  CHECK(split.validation.size() == 1);
  CHECK(split.test.size() == 1);
  std::set<std::string> glyphs;
  for (const auto* part : {&split.train, &split.validation, &split.test})
    for (const Drawing& g : glyphs_of(*part)) CHECK(glyphs.insert(g.glyph).second);
  CHECK(glyphs.size() == 40);
  std::filesystem::remove(folder / "timesr.jhf");
  std::filesystem::remove(folder / "timesi.jhf");
  unroll::check_says(unroll::message_of([&] { read_faces(folder / "", "digits"); }),
                     "install Debian's hershey-fonts-data");
}

TEST_CASE("the installed Hershey fonts have seven faces of digits, each glyph with ink") {
  if (!std::filesystem::exists(kFonts)) {
    MESSAGE("skipped: no Hershey fonts here");
    return;
  }
  const auto faces = read_faces(kFonts, "digits");
  CHECK(faces.size() == 7);
  for (const std::string alphabet : {"digits", "lower", "upper", "letters", "all"})
    CHECK(read_faces(kFonts, alphabet).size() >= 3);
  for (const Face& face : faces) {
    CHECK(face.glyphs.size() == 10);
    for (const Drawing& g : face.glyphs) CHECK(ink_length(normalised(g)) > 0.5);
  }
}

TEST_CASE("a distorted drawing keeps its strokes and label, and stays near without distortion") {
  const Folder folder;
  write_fonts(folder);
  unroll::Generator random(2);
  const auto faces = read_faces(folder / "", "digits");
  for (const Drawing& g : faces[0].glyphs) {
    const Drawing far = distorted(g, {}, random),
                  none = distorted(
                      g, {.rotation = 0, .slant = 0, .scale = 0, .bend = 0, .jitter = 0}, random);
    CHECK(far.label == g.label);
    CHECK(far.glyph == g.glyph);
    CHECK(far.strokes.size() == g.strokes.size());
    CHECK(ink_length(far) != doctest::Approx(ink_length(normalised(g))));
    // Points are added; corners may be cut a little.
    CHECK(ink_length(none) == doctest::Approx(ink_length(normalised(g))).epsilon(0.05));
  }
}
