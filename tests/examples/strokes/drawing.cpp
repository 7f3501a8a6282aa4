// Drawings: resampling, normalisation, shuffling, what a model reads, and images of them.
#include "examples/strokes/drawing.h"
#include "examples/strokes/raster.h"
#include "tests/examples/strokes/scribbles.h"
#include "tests/support.h"

#include <algorithm>
#include <cmath>

using namespace strokes;

namespace {

double distance(const Point& a, const Point& b) { return std::hypot(a.x - b.x, a.y - b.y); }

// Where a point lies on a polyline: the distance along it to the nearest place, and from it.
std::pair<double, double> place_on(const Stroke& stroke, const Point& p, double from) {
  double along = 0, best = 1e9, where = 0;
  for (std::size_t i = 1; i < stroke.size(); ++i) {
    const double length = distance(stroke[i - 1], stroke[i]);
    for (int k = 0; k <= 1000 && length > 0; ++k) {
      const double share = k / 1000.0;
      const Point q{stroke[i - 1].x + share * (stroke[i].x - stroke[i - 1].x),
                    stroke[i - 1].y + share * (stroke[i].y - stroke[i - 1].y)};
      if (along + share * length >= from - 1e-3 && distance(p, q) < best - 1e-9)
        best = distance(p, q), where = along + share * length;
    }
    along += length;
  }
  return {where, best};
}

bool same_path(const std::vector<Step>& a, const std::vector<Step>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Step& s, const Step& t) {
    return std::abs(s.x - t.x) < 1e-9 && std::abs(s.y - t.y) < 1e-9 && s.down == t.down &&
           std::abs(s.speed - t.speed) < 1e-6;
  });
}

}  // namespace

TEST_CASE("resampled points lie on the stroke, at equal distances along it") {
  unroll::Generator random(1);
  for (int i = 0; i < 20; ++i) {
    const Stroke stroke = scribble(2 + random.below(8), random);
    const unroll::Index n = 2 + random.below(12);
    const Stroke points = resampled(stroke, n);
    REQUIRE(points.size() == n);
    CHECK(distance(points.front(), stroke.front()) == 0);
    CHECK(distance(points.back(), stroke.back()) == 0);
    const double step = ink_length(stroke) / static_cast<double>(n - 1);
    for (unroll::Index k = 1; k + 1 < n; ++k) {
      const auto [where, away] = place_on(stroke, points[static_cast<std::size_t>(k)],
                                          step * static_cast<double>(k) - 0.5);
      CHECK(away < 0.2);
      CHECK(where == doctest::Approx(step * static_cast<double>(k)).epsilon(0.02));
    }
  }
}

TEST_CASE("resampled points on a straight line are at equal distances, however it was recorded") {
  unroll::Generator random(2);
  for (int i = 0; i < 20; ++i) {
    std::vector<double> shares{0, 1};
    for (unroll::Index k = random.below(20); k > 0; --k) shares.push_back(random.uniform());
    std::sort(shares.begin(), shares.end());
    Stroke line;
    for (const double s : shares) line.push_back({3 + 4 * s, -1 + 3 * s, s});
    const Stroke points = resampled(line, 6);
    for (std::size_t k = 0; k < 6; ++k) {
      CHECK(points[k].x == doctest::Approx(3 + 4 * 0.2 * static_cast<double>(k)));
      CHECK(points[k].t == doctest::Approx(0.2 * static_cast<double>(k)));
    }
  }
}

TEST_CASE("a drawing resampled as a whole ignores the jumps between its strokes") {
  // Two lines of length 3 and 1: four equal steps of ink.
  const Drawing d{.strokes = {{{0, 0}, {3, 0}}, {{10, 5}, {10, 6}}}};
  const Stroke points = resampled(d, 5);
  REQUIRE(points.size() == 5);
  CHECK(points[1].x == doctest::Approx(1));
  CHECK(points[3].x == doctest::Approx(3));
  CHECK(points[4].x == doctest::Approx(10));
  CHECK(points[4].y == doctest::Approx(6));
}

TEST_CASE("what is read does not depend on place, size or unit of time") {
  unroll::Generator random(3);
  for (int i = 0; i < 20; ++i) {
    const Drawing d = random_drawing(random, i % 2 == 0);
    const double scale = std::exp(8 * random.uniform() - 4), x = 1000 * random.uniform(),
                 y = -500 * random.uniform();
    Drawing moved = d;
    for (Stroke& stroke : moved.strokes)
      for (Point& p : stroke) p = {x + scale * p.x, y + scale * p.y, 7 + 3 * p.t};
    const double spacing = 0.02 + 0.1 * random.uniform();
    CHECK(same_path(path_of(d, spacing), path_of(moved, spacing)));
    const std::vector<float> a = rasterised(d), b = rasterised(moved);
    for (std::size_t k = 0; k < a.size(); ++k) CHECK(a[k] == doctest::Approx(b[k]).epsilon(1e-3));
  }
}

TEST_CASE("a path fits its box, lifts the pen once for each stroke, and has a limit of steps") {
  unroll::Generator random(4);
  for (int i = 0; i < 20; ++i) {
    const Drawing d = random_drawing(random, false);
    const auto path = path_of(d, i % 2 ? 0.05 : 1e-6);
    CHECK(path.size() <= kMaxSteps);
    CHECK(std::count_if(path.begin(), path.end(), [](const Step& s) { return !s.down; }) ==
          d.strokes.size());
    for (const Step& s : path) {
      CHECK(std::abs(s.x) <= 0.5 + 1e-9);
      CHECK(std::abs(s.y) <= 0.5 + 1e-9);
      CHECK(s.speed == 0);  // not timed
    }
    const unroll::Tensor f = features(path);
    CHECK(f.size(0) == path.size());
    CHECK(f.size(1) == kFeatures);
    for (unroll::Index t = 0; t < f.size(0); ++t) {
      const double norm = std::hypot(f.at({t, 2}), f.at({t, 3}));
      CHECK((norm < 1e-6 || std::abs(norm - 1) < 1e-5));  // a direction, or none
    }
  }
}

TEST_CASE("the speed is that of the pen: twice as fast is log 2 more") {
  Stroke stroke;  // 10 units slowly, then 10 units in half the time
  for (int i = 0; i <= 10; ++i) stroke.push_back({1.0 * i, 0, 2.0 * i});
  for (int i = 1; i <= 10; ++i) stroke.push_back({10.0 + i, 0, 20 + 1.0 * i});
  const auto path = path_of({.strokes = {stroke}, .timed = true}, 0.05);
  CHECK(path.back().speed - path[1].speed == doctest::Approx(std::log(2)).epsilon(1e-6));
  const auto untimed = path_of({.strokes = {stroke}}, 0.05);
  CHECK(untimed.back().speed == 0);
}

TEST_CASE("shuffled steps are the same places; shuffled strokes are the same ink") {
  unroll::Generator random(5);
  for (int i = 0; i < 10; ++i) {
    const Drawing d = random_drawing(random, true);
    const auto path = path_of(d, 0.05), other = shuffled_steps(path, random);
    const auto places = [](const std::vector<Step>& steps) {
      std::vector<std::pair<double, double>> out;
      for (const Step& s : steps) out.emplace_back(s.x, s.y);
      std::sort(out.begin(), out.end());
      return out;
    };
    CHECK(places(path) == places(other));
    for (const Step& s : other) CHECK_FALSE(s.down);
    const Drawing mixed = shuffled_strokes(d, random);
    CHECK(mixed.strokes.size() == d.strokes.size());
    CHECK(ink_length(mixed) == doctest::Approx(ink_length(d)));
    const std::vector<float> a = rasterised(d), b = rasterised(mixed);
    for (std::size_t k = 0; k < a.size(); ++k) CHECK(a[k] == doctest::Approx(b[k]).epsilon(1e-4));
  }
}

TEST_CASE("an image has its ink where the pen was, the top row first") {
  // An L: from the top left corner down, then right.
  const Drawing d{.strokes = {{{0, 9}, {0, 0}, {9, 0}}}};
  const std::vector<float> image = rasterised(d);
  const auto at = [&](int row, int column) {
    return image[static_cast<std::size_t>(row * kImageSide + column)];
  };
  CHECK(at(5, 4) == 1);    // in the vertical line, near its upper end
  CHECK(at(23, 4) == 1);   // the corner
  CHECK(at(23, 22) == 1);  // the end
  CHECK(at(5, 22) == 0);   // the corner that is not drawn
  CHECK(at(14, 14) == 0);
  for (const float v : image) CHECK((v >= 0 && v <= 1));
}

TEST_CASE("a drawing without movement is refused") {
  unroll::check_refused(
      [] {
        normalised({.strokes = {{{1, 1}, {1, 1}}, {{1, 1}}}});
      },
      "two different points");
  unroll::check_refused([] { resampled(Stroke{}, 3); }, "got 0 points");
  unroll::check_refused([] { resampled(Stroke{{1, 1}}, 0); }, "n 0");
}
