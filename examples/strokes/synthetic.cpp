#include "examples/strokes/synthetic.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace strokes {
namespace {

constexpr double kSpacing = 0.04;  // between points before the distortion, in sides of the drawing

double within(double most, unroll::Generator& random) { return most * (2 * random.uniform() - 1); }

// Standard normal (Box and Muller 1958).
double normal(unroll::Generator& random) {
  return std::sqrt(-2 * std::log(1 - random.uniform())) *
         std::cos(2 * std::numbers::pi * random.uniform());
}

// A smooth displacement: one wave over the drawing.
struct Wave {
  double x, y, phase, amplitude;
  Wave(double most, unroll::Generator& random)
      : x(within(1.5, random)),
        y(within(1.5, random)),
        phase(random.uniform()),
        amplitude(within(most, random)) {}
  double at(const Point& p) const {
    return amplitude * std::sin(2 * std::numbers::pi * (x * p.x + y * p.y + phase));
  }
};

}  // namespace

Drawing distorted(const Drawing& drawing, const Distortion& by, unroll::Generator& random) {
  Drawing out = normalised(drawing);
  const double turn = within(by.rotation, random), slant = within(by.slant, random),
               wide = std::exp(within(by.scale, random)), high = std::exp(within(by.scale, random)),
               c = std::cos(turn), s = std::sin(turn);
  const Wave in_x[] = {{by.bend, random}, {by.bend, random}},
             in_y[] = {{by.bend, random}, {by.bend, random}};
  for (Stroke& stroke : out.strokes) {
    const auto n = static_cast<Index>(ink_length(stroke) / kSpacing) + 2;
    // Recorded points stay where they are: their distances are the speed of the pen.
    if (!drawing.timed && stroke.size() > 1) stroke = resampled(stroke, n);
    for (Point& p : stroke) {
      const Point bent{p.x + in_x[0].at(p) + in_x[1].at(p), p.y + in_y[0].at(p) + in_y[1].at(p)};
      const double x = wide * bent.x + slant * bent.y, y = high * bent.y;
      p.x = c * x - s * y + by.jitter * normal(random);
      p.y = s * x + c * y + by.jitter * normal(random);
    }
  }
  return out;
}

Drawings distorted(const Drawings& drawings, Index copies, const Distortion& by,
                   unroll::Generator& random) {
  Drawings out;
  for (Index i = 0; i < copies; ++i)
    for (const Drawing& d : drawings) out.push_back(distorted(d, by, random));
  return out;
}

FaceSplit split_faces(std::vector<Face> faces, unroll::Generator& random) {
  const std::size_t n = faces.size(), tests = std::max<std::size_t>(1, (n + 1) / 4),
                    validates = std::max<std::size_t>(1, n / 6);
  FaceSplit out;
  std::size_t done = 0;
  for (const Index i : random.permutation(std::ssize(faces))) {
    auto& part = done < tests ? out.test : done < tests + validates ? out.validation : out.train;
    part.push_back(std::move(faces[static_cast<std::size_t>(i)]));
    ++done;
  }
  return out;
}

Drawings glyphs_of(const std::vector<Face>& faces) {
  Drawings out;
  for (const Face& face : faces) out.insert(out.end(), face.glyphs.begin(), face.glyphs.end());
  return out;
}

std::string names_of(const std::vector<Face>& faces) {
  std::string out;
  for (const Face& face : faces) out += (out.empty() ? "" : ", ") + face.name;
  return out;
}

}  // namespace strokes
