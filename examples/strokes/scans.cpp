#include "examples/strokes/scans.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace strokes {
namespace {

constexpr Index kFewest = 40, kMaxPixels = 4096;
constexpr double kShift = 2, kTurn = 0.15, kScale = 0.12, kSlant = 0.15;

std::vector<float> scaled(const program::Images& images, Index i) {
  const Index n = images.height * images.width;
  std::vector<float> out;
  for (Index k = 0; k < n; ++k) out.push_back(static_cast<float>(images.image(i)[k]) / 255);
  return out;
}

Flat flat_of(const program::Images& a, const program::Images& b) {
  std::vector<float> all;
  Flat out;
  for (const program::Images* images : {&a, &b}) {
    for (const std::uint8_t pixel : images->pixels) all.push_back(static_cast<float>(pixel) / 255);
    out.labels.insert(out.labels.end(), images->labels.begin(), images->labels.end());
  }
  out.rows = unroll::Tensor::from(all, {a.size() + b.size(), a.height * a.width});
  return out;
}

}  // namespace

ScanParts scan_parts(const std::string& images, const std::string& test) {
  const program::Images all = program::read_images(images, program::labels_beside(images));
  const Index n = all.size();
  unroll::check_io(n >= kFewest && all.height * all.width <= kMaxPixels,
                   "{}: at least {} images of at most {} pixels were required: got {} of {} x {}",
                   images, kFewest, kMaxPixels, n, all.height, all.width);
  const Index learned = test.empty() ? n - n / 5 : n, trained = learned - learned / 8;
  ScanParts out{{}, all.part(0, trained), all.part(trained, learned), all.part(learned, n), {}};
  const Index most = *std::max_element(all.labels.begin(), all.labels.begin() + learned);
  for (Index c = 0; c <= most; ++c) out.classes.push_back(std::to_string(c));
  unroll::check_io(most >= 1, "{}: images of at least 2 classes were required: got label 0 only",
                   images);
  const std::string& path = test.empty() ? images : test;
  if (!test.empty()) out.test = program::read_images(test, program::labels_beside(test));
  unroll::check_io(out.test.height == all.height && out.test.width == all.width,
                   "{}: images of {} x {} pixels were required, as in {}: got {} x {}", path,
                   all.height, all.width, images, out.test.height, out.test.width);
  for (const Index label : out.test.labels)
    unroll::check_io(
        label <= most, "{}: a label from 0 to {}{} was required: got {}",
        program::labels_beside(path), most,
        test.empty() ? ", as among the first four fifths of the images, which train," : "", label);
  out.described = fmt::format("{} images of {} x {} pixels train, {} validate, {} test.", trained,
                              all.height, all.width, out.validation.size(), out.test.size());
  return out;
}

std::vector<float> warped(const program::Images& images, Index i, unroll::Generator& random) {
  const auto within = [&](double most) { return most * (2 * random.uniform() - 1); };
  const double turn = within(kTurn), slant = within(kSlant), wide = 1 + within(kScale),
               high = 1 + within(kScale), right = within(kShift), down = within(kShift),
               c = std::cos(turn), s = std::sin(turn),
               middle_x = static_cast<double>(images.width - 1) / 2,
               middle_y = static_cast<double>(images.height - 1) / 2;
  const std::uint8_t* from = images.image(i);
  const auto pixel = [&](Index row, Index column) {
    const bool inside = row >= 0 && row < images.height && column >= 0 && column < images.width;
    return inside ? static_cast<double>(from[row * images.width + column]) / 255 : 0.0;
  };
  std::vector<float> out;
  for (Index row = 0; row < images.height; ++row)
    for (Index column = 0; column < images.width; ++column) {
      const double x = static_cast<double>(column) - middle_x - right,
                   y = static_cast<double>(row) - middle_y - down,
                   at_x = middle_x + wide * (c * x + s * y) + slant * y,
                   at_y = middle_y + high * (c * y - s * x);
      const auto left = static_cast<Index>(std::floor(at_x)),
                 top = static_cast<Index>(std::floor(at_y));
      const double share_x = at_x - static_cast<double>(left),
                   share_y = at_y - static_cast<double>(top);
      out.push_back(static_cast<float>(
          (1 - share_y) * ((1 - share_x) * pixel(top, left) + share_x * pixel(top, left + 1)) +
          share_y * ((1 - share_x) * pixel(top + 1, left) + share_x * pixel(top + 1, left + 1))));
    }
  return out;
}

unroll::Tensor steps_of(std::vector<float> pixels, Index height, Index width, Reading reading) {
  return reading == Reading::pixels ? unroll::Tensor::from(pixels, {height * width, 1})  // [T, 1]
                                    : unroll::Tensor::from(pixels, {height, width});     // [T, D]
}

Part part_of(const program::Images& images, Reading reading) {
  Part out{.labels = images.labels};
  for (Index i = 0; i < images.size(); ++i) {
    out.steps.push_back(steps_of(scaled(images, i), images.height, images.width, reading));
    out.groups.push_back(i);
  }
  return out;
}

Task task_of(const ScanParts& parts, Reading reading, Index per_epoch) {
  Task out{.reading = reading, .in = reading == Reading::pixels ? 1 : parts.train.width};
  out.draw = [&train = parts.train, reading, per_epoch](unroll::Generator& now) {
    Part part;
    std::vector<Index> which = now.permutation(train.size());
    if (per_epoch > 0 && per_epoch < std::ssize(which))
      which.resize(static_cast<std::size_t>(per_epoch));
    for (const Index i : which) {
      part.steps.push_back(steps_of(warped(train, i, now), train.height, train.width, reading));
      part.labels.push_back(train.labels[static_cast<std::size_t>(i)]);
    }
    return part;
  };
  out.validation = part_of(parts.validation, reading), out.test = part_of(parts.test, reading);
  out.known = flat_of(parts.train, parts.validation);
  out.asked = flat_of(parts.test, program::Images{parts.test.height, parts.test.width, {}, {}});
  return out;
}

}  // namespace strokes
