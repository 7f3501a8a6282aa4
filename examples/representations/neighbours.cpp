#include "examples/representations/neighbours.h"

#include "examples/common/plot.h"
#include "examples/common/terminal.h"

#include <unroll/autograd/ops.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <cmath>

namespace representations {
namespace {

// The size of the picture and of its letters, in pixels.
constexpr double kWidth = 1500, kHeight = 1100, kLetter = 9.5, kLine = 19;

struct Box {
  double x, y, width;  // of a label, in pixels; x and y are its middle
  bool overlaps(const Box& other) const {
    return std::abs(x - other.x) < (width + other.width) / 2 && std::abs(y - other.y) < kLine;
  }
};

// The nearest free place for a label, searched on rings around its wanted place.
Box free_place(const Box& wanted, const std::vector<Box>& taken) {
  for (int ring = 0; ring < 60; ++ring)
    for (int at = 0; at < std::max(1, 6 * ring); ++at) {
      const double angle = 6.283185307 * at / std::max(1, 6 * ring);
      const Box box{wanted.x + 12 * ring * std::cos(angle), wanted.y + 8 * ring * std::sin(angle),
                    wanted.width};
      if (std::none_of(taken.begin(), taken.end(), [&](const Box& b) { return b.overlaps(box); }))
        return box;
    }
  return wanted;
}

}  // namespace

std::vector<Neighbour> nearest(const Tensor& table, Index id, Index count, Index unknown) {
  const Tensor length = norm(table, 1, {.keepdim = true});  // [V, 1]
  const Tensor unit = table / (length + equal(length, 0));
  const Tensor cosines = unroll::matmul(unit, unit.select(0, id));  // [V]
  const unroll::Sorted best = unroll::topk(cosines, std::min(count + 2, table.size(0)));
  std::vector<Neighbour> out;
  for (Index i = 0; i < best.values.numel(); ++i)
    if (best.indices[i] != id && best.indices[i] != unknown &&
        static_cast<Index>(out.size()) < count)
      out.push_back({best.indices[i], best.values.at({i})});
  return out;
}

Tensor principal_components(const Tensor& x) {
  constexpr int kSteps = 200;  // of the power iteration
  const Tensor centred = (x - mean(x, 0, {.keepdim = true})).to(unroll::f64);
  Tensor covariance = unroll::matmul(centred.transpose(), centred);  // [D, D]
  std::vector<Tensor> found;
  unroll::Generator random(1);
  for (int component = 0; component < 2; ++component) {
    Tensor v = random.normal({x.size(1), 1}, 0, 1, unroll::f64);
    double strength = 0;
    for (int step = 0; step < kSteps; ++step) {
      const Tensor next = unroll::matmul(covariance, v);
      strength = norm(next).item();
      if (strength == 0) break;
      v = next / strength;
    }
    found.push_back(unroll::matmul(centred, v));                            // [N, 1]
    covariance = covariance - unroll::matmul(v, v.transpose()) * strength;  // without this one
  }
  return unroll::concat(found, 1);
}

void draw_words(const std::vector<Index>& ids, const unroll::data::Vocabulary& words,
                const Tensor& table, const std::string& path) {
  if (path.empty() || ids.empty()) return;
  const Tensor at = principal_components(index_select(table, 0, ids));  // [N, 2]
  // Pixels; the middle 98 % of the words spread over the picture.
  const auto scaled = [&](int axis, double pixels) {
    std::vector<double> values;
    for (Index i = 0; i < at.size(0); ++i) values.push_back(at.at({i, axis}));
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const double low = sorted[sorted.size() / 100],
                 high = sorted[sorted.size() - 1 - sorted.size() / 100];
    for (double& v : values)
      v = std::clamp((v - low) / std::fmax(high - low, 1e-12), -0.05, 1.05) * pixels;
    return values;
  };
  const std::vector<double> xs = scaled(0, kWidth), ys = scaled(1, kHeight);
  program::Panel panel;
  panel.title = "Words by the first two principal components of their embeddings";
  for (program::Axis* axis : {&panel.x, &panel.y}) axis->format = "";
  panel.x.label = "first component", panel.y.label = "second component";
  panel.x.low = -0.1 * kWidth, panel.x.high = 1.1 * kWidth;
  panel.y.low = -0.1 * kHeight, panel.y.high = 1.1 * kHeight;
  std::vector<Box> taken;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string& word = words.unit(ids[i]);
    const Box wanted{xs[i], ys[i], kLetter * static_cast<double>(program::columns_of(word)) + 6};
    taken.push_back(free_place(wanted, taken));
    const Box& box = taken.back();
    if (std::abs(box.y - ys[i]) > kLine || std::abs(box.x - xs[i]) > wanted.width / 2)
      panel.line({xs[i], box.x}, {ys[i], box.y}, {.colour = program::kLightBlue, .width = 0.7});
    panel.points({xs[i]}, {ys[i]}, {.colour = program::kLightBlue, .size = 0.4});
    panel.text(box.x, box.y, word, {.colour = program::kBlue, .size = 13});
  }
  program::Figure figure;
  figure.panel_width = static_cast<int>(1.2 * kWidth) + 80;
  figure.panel_height = static_cast<int>(1.2 * kHeight) + 80;
  figure.add(panel).draw(path);
}

}  // namespace representations
