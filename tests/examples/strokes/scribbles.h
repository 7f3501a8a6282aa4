// Random drawings, and small files of drawings that can be learned.
#pragma once

#include "examples/strokes/drawing.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

inline strokes::Stroke scribble(strokes::Index points, unroll::Generator& random) {
  strokes::Stroke out;
  for (strokes::Index i = 0; i < points; ++i)
    out.push_back({100 * random.uniform(), 100 * random.uniform(),
                   (out.empty() ? 0 : out.back().t) + 0.1 + random.uniform()});
  return out;
}

inline strokes::Drawing random_drawing(unroll::Generator& random, bool timed) {
  strokes::Drawing out{.timed = timed};
  for (strokes::Index i = 1 + random.below(4); i > 0; --i)
    out.strokes.push_back(scribble(2 + random.below(10), random));
  return out;
}

// A ring (class 0), a bar (1) or an angle (2), somewhere, of any size, with some noise.
inline strokes::Stroke shape(int kind, unroll::Generator& random) {
  const auto n = static_cast<int>(6 + random.below(12));
  const double size = 20 + 100 * random.uniform(), x0 = 300 * random.uniform(),
               y0 = 300 * random.uniform();
  strokes::Stroke out;
  for (int i = 0; i < n; ++i) {
    const double u = i / (n - 1.0), noise = 0.08 * (random.uniform() - 0.5);
    const double x = kind == 0   ? std::cos(6 * u)
                     : kind == 1 ? 0.1 * u
                                 : std::min(2 * u, 1.0),
                 y = kind == 0   ? std::sin(6 * u)
                     : kind == 1 ? 1 - 2 * u
                                 : std::min(1.0, 2 - 2 * u);
    out.push_back({x0 + size * (x + noise), y0 + size * (y - noise)});
  }
  return out;
}

// Files of `n` such shapes in the three forms.
inline std::string pairs_file(int n, std::uint64_t seed = 1, bool labelled = true) {
  unroll::Generator random(seed);
  std::string out;
  for (int i = 0; i < n; ++i) {
    for (const auto& p : shape(i % 3, random)) out += fmt::format("{:.2f}, {:.2f}, ", p.x, p.y);
    out = labelled ? out + fmt::format("{}\n", i % 3) : out.substr(0, out.size() - 2) + "\n";
  }
  return out;
}
inline std::string unipen_file(int n, std::uint64_t seed = 1) {
  unroll::Generator random(seed);
  std::string out = ".INCLUDE dene.doc\n.LEXICON \"0\" \"1\" \"2\"\n.HIERARCHY DIGIT\n\n";
  for (int i = 0; i < n; ++i) {
    out += fmt::format(".SEGMENT DIGIT {0} ? \"{1}\"\n.COMMENT {1} {2} {0}\n.PEN_DOWN\n", i, i % 3,
                       i % 5);
    for (const auto& p : shape(i % 3, random)) out += fmt::format(" {:.0f} {:.0f}\n", p.x, p.y);
    out += ".PEN_UP\n.DT 100\n";
  }
  return out;
}
inline std::string json_file(int n, std::uint64_t seed = 1) {
  unroll::Generator random(seed);
  std::string out;
  for (int i = 0; i < n; ++i) {
    out += fmt::format("{{\"label\": \"{}\", \"writer\": \"w{}\", \"strokes\": [[", i % 3, i % 4);
    for (const auto& p : shape(i % 3, random)) out += fmt::format("[{:.2f}, {:.2f}], ", p.x, p.y);
    out.resize(out.size() - 2);
    out += "]]}\n";
  }
  return out;
}
