#include "examples/strokes/drawings.h"

#include "examples/strokes/raster.h"
#include "examples/strokes/read.h"
#include "examples/strokes/synthetic.h"

#include <unroll/data/split.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <map>

namespace strokes {
namespace {

using unroll::check_io;

constexpr double kSpacing = 0.07;     // of the steps, in sides of the drawing
constexpr Index kFlatPoints = 32;     // for the nearest neighbour
constexpr Index kHeldOutCopies = 30;  // of each glyph that validates or tests
constexpr std::size_t kFewest = 10;   // drawings in a file
// Apart from the seeds of the model and its batches.
constexpr std::uint64_t kSplitSeed = 1000, kHeldOutSeed = 2000, kReadSeed = 3000;

DrawingParts synthetic_parts(const Source& source, std::uint64_t seed) {
  unroll::Generator random(seed + kSplitSeed), held_out(seed + kHeldOutSeed);
  const FaceSplit faces = split_faces(read_faces(source.fonts, source.alphabet), random);
  DrawingParts out{.synthetic = true};
  for (const char c : characters_of(source.alphabet)) out.classes.emplace_back(1, c);
  const Drawings glyphs = glyphs_of(faces.train);
  out.draw = [glyphs, copies = source.copies](unroll::Generator& now) {
    return distorted(glyphs, copies, {}, now);
  };
  out.known = distorted(glyphs, kHeldOutCopies, {}, held_out);
  out.validation = distorted(glyphs_of(faces.validation), kHeldOutCopies, {}, held_out);
  out.test = distorted(glyphs_of(faces.test), kHeldOutCopies, {}, held_out);
  out.described = fmt::format(
      "Synthetic drawings, distorted Hershey glyphs. Faces that train: {}; that "
      "validate: {}; that test: {}.",
      names_of(faces.train), names_of(faces.validation), names_of(faces.test));
  return out;
}

Drawings picked(const Drawings& all, const std::vector<Index>& which) {
  Drawings out;
  for (const Index i : which) out.push_back(all[static_cast<std::size_t>(i)]);
  return out;
}

std::vector<std::string> labels_of(const Drawings& drawings) {
  std::vector<std::string> out;
  for (const Drawing& d : drawings) out.push_back(d.label);
  return out;
}

// The number of each drawing's writer; empty unless all have one and there are at least three.
std::vector<Index> writers_of(const Drawings& drawings) {
  std::map<std::string, Index> numbers;
  std::vector<Index> out;
  for (const Drawing& d : drawings) {
    if (d.writer.empty()) return {};
    out.push_back(numbers.emplace(d.writer, std::ssize(numbers)).first->second);
  }
  return numbers.size() >= 3 ? out : std::vector<Index>();
}

// By writer: no writer is in two parts, and each part that is needed has at least one.
unroll::data::Split writer_split(const std::vector<Index>& writers, bool tests,
                                 unroll::Generator& random) {
  const Index n = *std::max_element(writers.begin(), writers.end()) + 1,
              tested = tests ? std::max<Index>(1, n / 5) : 0, validated = std::max<Index>(1, n / 8);
  const std::vector<Index> place = random.permutation(n);
  unroll::data::Split out;
  for (std::size_t i = 0; i < writers.size(); ++i) {
    const Index at = place[static_cast<std::size_t>(writers[i])];
    auto& part = at < tested ? out.test : at < tested + validated ? out.validation : out.train;
    part.push_back(static_cast<Index>(i));
  }
  return out;
}

DrawingParts file_parts(const Source& source, std::uint64_t seed) {
  const Drawings all = read_drawings(source.data);
  check_labels(all, source.data);
  DrawingParts out{.classes = classes_of(labels_of(all))};
  check_io(all.size() >= kFewest && out.classes.size() >= 2,
           "{}: at least {} drawings of at least 2 classes were required: got {} of {}",
           source.data, kFewest, all.size(), out.classes.size());
  out.timed = std::all_of(all.begin(), all.end(), [](const Drawing& d) { return d.timed; });
  unroll::Generator random(seed + kSplitSeed);
  const bool apart = !source.test.empty();
  const unroll::data::Parts shares = apart
                                         ? unroll::data::Parts{.train = 0.875, .validation = 0.125}
                                         : unroll::data::Parts{.train = 0.7, .validation = 0.1};
  const std::vector<Index> writers = writers_of(all);
  unroll::data::Split split =
      writers.empty() ? unroll::data::random_split(std::ssize(all), shares, random,
                                                   label_ids(all, out.classes, source.data))
                      : writer_split(writers, !apart, random);
  if (apart)  // what rounding leaves over
    split.train.insert(split.train.end(), split.test.begin(), split.test.end());
  out.known = picked(all, split.train), out.validation = picked(all, split.validation);
  out.test = apart ? read_drawings(source.test) : picked(all, split.test);
  out.test_path = apart ? source.test : source.data;
  check_labels(out.test, out.test_path);
  check_io(!out.known.empty() && !out.validation.empty() && !out.test.empty(),
           "{}: enough drawings for three parts were required: got {} to train, {} to validate and "
           "{} to test",
           source.data, out.known.size(), out.validation.size(), out.test.size());
  out.draw = [known = out.known](unroll::Generator& now) {
    return distorted(known, 1, kSlight, now);
  };
  out.described =
      fmt::format("{} drawings of {} classes train, {} validate, {} test, split {}.",
                  out.known.size(), out.classes.size(), out.validation.size(), out.test.size(),
                  apart             ? "by file"
                  : writers.empty() ? "at random"
                                    : "by writer");
  return out;
}

}  // namespace

DrawingParts drawing_parts(const Source& source, std::uint64_t seed) {
  if (!source.data.empty()) return file_parts(source, seed);
  DrawingParts out = synthetic_parts(source, seed);
  if (source.test.empty()) return out;
  out.test = read_drawings(source.test);
  out.test_path = source.test;
  check_labels(out.test, source.test);
  return out;
}

unroll::Tensor steps_of(const Drawing& drawing, Reading reading, bool timed,
                        unroll::Generator& random) {
  if (reading == Reading::image)
    return unroll::Tensor::from(rasterised(drawing), {kImageSide, kImageSide});  // [T, D]
  Drawing d = reading == Reading::shuffled_strokes ? shuffled_strokes(drawing, random) : drawing;
  d.timed = d.timed && timed;
  const std::vector<Step> path = path_of(d, kSpacing);
  return features(reading == Reading::shuffled ? shuffled_steps(path, random) : path);
}

Part part_of(const Drawings& drawings, const std::vector<Index>& labels, Reading reading,
             bool timed, unroll::Generator& random) {
  std::map<std::string, Index> groups;
  Part out{.labels = labels};
  for (const Drawing& d : drawings) {
    out.steps.push_back(steps_of(d, reading, timed, random));
    const std::string& group = d.glyph.empty() ? d.writer : d.glyph;
    const Index next = std::ssize(out.groups);  // an example without group is one
    out.groups.push_back(group.empty() ? next : groups.emplace(group, next).first->second);
  }
  return out;
}

Flat flat_of(const Drawings& drawings, const std::vector<Index>& labels, Reading reading) {
  std::vector<float> all;
  for (const Drawing& d : drawings) {
    if (reading == Reading::image) {
      const std::vector<float> pixels = rasterised(d);
      all.insert(all.end(), pixels.begin(), pixels.end());
      continue;
    }
    for (const Point& p : resampled(normalised(d), kFlatPoints))
      all.push_back(static_cast<float>(p.x)), all.push_back(static_cast<float>(p.y));
  }
  const Index n = std::ssize(drawings);
  return {unroll::Tensor::from(all, {n, std::ssize(all) / n}), labels};
}

std::vector<Index> label_ids(const Drawings& drawings, const std::vector<std::string>& classes,
                             const std::string& path) {
  std::vector<int> lines;
  for (const Drawing& d : drawings) lines.push_back(d.line);
  return ids_of(labels_of(drawings), lines, classes, path);
}

Task task_of(const DrawingParts& parts, Reading reading, std::uint64_t seed) {
  const auto ids = [&](const Drawings& d) { return label_ids(d, parts.classes, parts.test_path); };
  unroll::Generator random(seed + kReadSeed);
  Task out{.reading = reading, .in = reading == Reading::image ? kImageSide : kFeatures};
  out.draw = [&parts, reading](unroll::Generator& now) {
    const Drawings drawn = parts.draw(now);
    return part_of(drawn, label_ids(drawn, parts.classes, ""), reading, parts.timed, now);
  };
  out.validation = part_of(parts.validation, ids(parts.validation), reading, parts.timed, random);
  out.test = part_of(parts.test, ids(parts.test), reading, parts.timed, random);
  Drawings known = parts.known;
  known.insert(known.end(), parts.validation.begin(), parts.validation.end());
  out.known = flat_of(known, ids(known), reading);
  out.asked = flat_of(parts.test, ids(parts.test), reading);
  return out;
}

}  // namespace strokes
