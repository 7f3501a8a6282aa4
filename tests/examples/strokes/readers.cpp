// The three forms of drawings in files.
#include "examples/strokes/read.h"
#include "tests/examples/gzipped.h"
#include "tests/examples/run_program.h"
#include "tests/examples/strokes/scribbles.h"
#include "tests/support.h"

using namespace strokes;

namespace {

// Random drawings with labels and writers.
Drawings some(unroll::Generator& random, bool timed) {
  Drawings out;
  for (int i = 0; i < 12; ++i) {
    Drawing d = random_drawing(random, timed);
    d.label = std::to_string(i % 4), d.writer = std::to_string(i % 3);
    out.push_back(d);
  }
  return out;
}

void check_same(const Drawings& a, const Drawings& b, bool writers, bool times) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].label == b[i].label);
    if (writers) CHECK(a[i].writer == b[i].writer);
    CHECK(a[i].timed == times);
    REQUIRE(a[i].strokes.size() == b[i].strokes.size());
    for (std::size_t s = 0; s < a[i].strokes.size(); ++s) {
      REQUIRE(a[i].strokes[s].size() == b[i].strokes[s].size());
      for (std::size_t k = 0; k < a[i].strokes[s].size(); ++k) {
        const Point &p = a[i].strokes[s][k], &q = b[i].strokes[s][k];
        CHECK(p.x == doctest::Approx(q.x));
        CHECK(p.y == doctest::Approx(q.y));
        if (times) CHECK(p.t == doctest::Approx(q.t));
      }
    }
  }
}

std::string with_ends(const std::string& text, const std::string& end) {
  std::string out;
  for (const char c : text) out += c == '\n' ? end : std::string(1, c);
  return out;
}

}  // namespace

TEST_CASE("pairs are read as written: any number of points, spaces, line ends, gzip") {
  const Folder folder;
  unroll::Generator random(1);
  Drawings drawings = some(random, false);
  std::string text;
  for (Drawing& d : drawings) {
    d.strokes.resize(1);
    for (const Point& p : d.strokes[0]) text += fmt::format("{}, {},", p.x, p.y);
    text += d.label + "\n";
  }
  for (const std::string& bytes : {text, with_ends(text, " \r\n"), "\n" + text, gzipped(text)})
    check_same(read_drawings(folder.write("d", bytes)), drawings, false, false);
  const Drawings unlabelled = read_drawings(folder.write("d", "1,2,3,4\n5,6,7,8,x\n"));
  CHECK(unlabelled[0].label.empty());
  CHECK(unlabelled[1].label == "x");
  CHECK(unlabelled[1].line == 2);
  const Drawings fraction = read_drawings(folder.write("d", ".5,.25,1,1,a\n"));
  CHECK(fraction[0].strokes[0][0].x == 0.5);
  CHECK(fraction[0].label == "a");
}

TEST_CASE("UNIPEN is read as written, with class, writer and times") {
  const Folder folder;
  unroll::Generator random(2);
  Drawings drawings = some(random, false);
  std::string text = ".VERSION 1.0\n.COMMENT anything at all\n\n";
  int number = 0;
  for (Drawing& d : drawings) {
    text += fmt::format(".SEGMENT DIGIT {} ? \"{}\"\n.COMMENT {} {} {}\n", number, d.label, d.label,
                        d.writer, number);
    for (Stroke& stroke : d.strokes) {
      text += ".PEN_DOWN\n";
      double t = 0;
      for (Point& p : stroke) {
        text += fmt::format(" {} {}\n", p.x, p.y);
        p.t = t++;
      }
      text += ".PEN_UP\n.DT 100\n";
    }
    ++number;
  }
  for (const std::string& bytes : {text, with_ends(text, "\r\n"), gzipped(text)})
    check_same(read_drawings(folder.write("d", bytes)), drawings, true, true);
}

TEST_CASE("lines of JSON are read as written: strokes of points, and Quick, Draw!'s lists") {
  const Folder folder;
  unroll::Generator random(3);
  for (const bool timed : {false, true}) {
    const Drawings drawings = some(random, timed);
    std::string points, columns;
    for (const Drawing& d : drawings) {
      points +=
          fmt::format("{{\"label\": \"{}\", \"writer\": {}, \"strokes\": [", d.label, d.writer);
      columns += fmt::format("{{\"word\": \"{}\", \"drawing\": [", d.label);
      for (const Stroke& stroke : d.strokes) {
        std::string x, y, t;
        points += "[";
        for (const Point& p : stroke) {
          points += timed ? fmt::format("[{}, {}, {}],", p.x, p.y, p.t)
                          : fmt::format("[{}, {}],", p.x, p.y);
          x += fmt::format("{},", p.x), y += fmt::format("{},", -p.y), t += fmt::format("{},", p.t);
        }
        points.back() = ']';
        points += ",";
        x.back() = y.back() = t.back() = ']';
        columns += "[[" + x + ",[" + y + (timed ? ",[" + t : "") + "],";
      }
      points.back() = columns.back() = ']';
      points += "}\n", columns += ", \"countrycode\": \"DE\"}\n";
    }
    check_same(read_drawings(folder.write("d", points)), drawings, true, timed);
    check_same(read_drawings(folder.write("d", columns)), drawings, false, timed);
  }
}

TEST_CASE("a file of drawings that cannot be meant is refused, with file and line") {
  const Folder folder;
  const auto refused = [&](const std::string& bytes, const std::string& words) {
    const std::string path = folder.write("d", bytes);
    CAPTURE(bytes);
    const std::string said = unroll::message_of([&] { check_labels(read_drawings(path), path); });
    unroll::check_says(said, "d:");
    unroll::check_says(said, words);
  };
  const std::string line = "1,2,3,4,8\n", begin = ".SEGMENT DIGIT 0 ? \"8\"\n.PEN_DOWN\n";
  refused("", "empty file");
  refused(" \n\n", "empty file");
  refused("x,y,class\n", "pairs of numbers, as UNIPEN");
  refused("[1, 2]\n", "pairs of numbers, as UNIPEN");
  refused(line + "1,2,3,4\n", ":2: a drawing with a class");
  refused(line + "1,2,3,4,\n", ":2: a class at the end");
  refused(line + "8\n", ":2: pairs of numbers");
  refused(line + "1,2,,4,8\n", ":2: a number");
  refused(line + "1,2,nan,4,8\n", ":2: a number from -1e9 to 1e9 was required: got \"nan\"");
  refused(line + "1,2,inf,4,8\n", "got \"inf\"");
  refused(line + "1,2,1e300,4,8\n", "got \"1e300\"");
  refused(line + "1 2 3 4 8\n", ":2: pairs of numbers");
  refused(line + "1,2,8\n", ":2: a drawing with two different points was required: got one point");
  refused(line + "1,2,1,2,8\n", ":2: a drawing with two different points was required: got equal");
  refused(line + "\xFF\n", "UTF-8");
  refused("\x1F\x9D\x90 packed", "gzip -d");
  refused(gzipped(line + line).substr(0, 22), "gzip");
  refused(begin + "1 2\n3 4\n", ":2: .PEN_UP was required");
  refused(begin + "1 2\n3 4\n.PEN_DOWN\n", ":5: .PEN_UP was required after .PEN_DOWN in line 2");
  refused(begin + ".PEN_UP\n", ":3: a point between");
  refused(begin + "1 2\n3\n.PEN_UP\n", ":4: x and y");
  refused(begin + "1 2\nnan 4\n.PEN_UP\n", ":4: a number");
  refused(begin + "1 2\n.PEN_UP\n", ":1: a drawing with two different points");
  refused(".PEN_UP\n", ":1: .PEN_DOWN was required");
  refused(".PEN_DOWN\n", ":1: .SEGMENT was required");
  refused(".SEGMENT DIGIT 0 ? \"8\"\n", ":1: a drawing with a stroke");
  refused(".SEGMENT DIGIT 0 ?\n.PEN_DOWN\n1 2\n3 4\n.PEN_UP\n", ":1: a drawing with a class");
  refused(".VERSION 1\n", "at least one drawing");
  const auto json = [](const std::string& strokes) {
    return R"({"label": "8", "strokes": )" + strokes + "}\n";
  };
  const std::string good = json("[[[1, 2], [3, 4]]]");
  refused(good + "{\"label\": \n", ":2: a line of JSON");
  refused(good + good.substr(0, good.size() - 5), ":2: a line of JSON");
  refused(good + "[]\n", ":2: a line of JSON");
  refused(good + "{\"label\": \"8\"}\n", ":2: \"strokes\"");
  refused(good + json("[]"), ":2: a drawing with a stroke");
  refused(good + json("[[]]"), ":2: a list of points");
  refused(good + json("[[[1, 2], [3]]]"), ":2: points [x, y]");
  refused(good + json("[[[1, 2], [3, null]]]"), ":2: a number");
  refused(good + json("[[[1, 2], [3, NaN]]]"), ":2: a line of JSON");
  refused(good + json("[[[1, 2], [3, 1e30]]]"), ":2: a number");
  refused(good + json("[[[1, 2], [3, 4, 5]]]"), ":2: times for all points");
  refused(good + json("[[[1, 2]]]"), "got one point");
  refused(good + json("[[[1, 2], [1, 2]], [[1, 2]]]"), "equal points only");
  refused(good + "{\"strokes\": [[[1, 2], [3, 4]]]}\n", ":2: a drawing with a class");
  refused(good + "{\"label\": [1], \"strokes\": [[[1, 2], [3, 4]]]}\n", "for \"label\"");
  refused(good + R"({"label": "a\nb", "strokes": [[[1, 2], [3, 4]]]})",
          ":2: a text of one line was required for \"label\"");
  refused("{\"word\": \"a\", \"drawing\": [[[1, 2], [3]]]}\n", "lists of equal length");
  refused("{\"word\": \"a\", \"drawing\": [[[1, 2]]]}\n", "got 1 lists");
  refused(json(std::string(100'000, '[')), ":1: a line of JSON");
  std::string many = "[";
  for (int i = 0; i < 200; ++i) many += "[[1, 2], [3, 4]],";
  many.back() = ']';
  refused(json(many), "at most 150 strokes");
}
