#include "examples/dna_sequence/picture.h"

#include "examples/common/plot.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace dna {
namespace {

constexpr std::size_t kMaxClasses = 20, kMaxBins = 100, kShares = 50;

// The bins of a sequence and their labels.
class Axis {
 public:
  Axis(const Examples& e, Index origin)
      : length_(e.one_length() ? static_cast<std::size_t>(e.longest()) : 0),
        bins_(length_ > 0 ? std::min(length_, kMaxBins) : kShares),
        named_(origin > 0),
        origin_(origin > 0 ? origin - 1 : static_cast<Index>(length_ / 2)) {}

  std::size_t bins() const { return bins_; }
  bool single_bases() const { return bins_ == length_; }
  // The bases [first, second) of a sequence; empty if it has fewer bases than there are bins.
  std::pair<std::size_t, std::size_t> bin(std::size_t i, const Bases& s) const {
    return {i * s.size() / bins_, (i + 1) * s.size() / bins_};
  }
  // Biologists count ..., -2, -1, +1, +2, ...: positions are half a unit away from 0.
  double x(std::size_t i) const {
    if (length_ == 0) return 100.0 * (static_cast<double>(i) + 0.5) / static_cast<double>(bins_);
    const auto at = [&](std::size_t b) {
      return static_cast<double>(b * length_) / static_cast<double>(bins_);
    };
    return (at(i) + at(i + 1)) / 2 - static_cast<double>(origin_);
  }
  double width() const {
    return (length_ == 0 ? 100.0 : static_cast<double>(length_)) / static_cast<double>(bins_);
  }
  // With at most so many numbers below.
  program::Axis settings(double most_tics) const {
    program::Axis out;
    if (length_ == 0) {
      out.label = "part of the sequence (%)";
      out.low = 0, out.high = 100;
      return out;
    }
    out.low = static_cast<double>(-origin_), out.high = out.low + static_cast<double>(length_);
    out.label = named_ ? fmt::format("base, counted from base {}, which is +1", origin_ + 1)
                       : "base, counted from the middle";
    double every = 1;
    for (int i = 0; (out.high - out.low) / every > most_tics; ++i) every *= i % 3 == 1 ? 2.5 : 2;
    if (has_origin()) out.tics.emplace_back(0, named_ ? "|" : "middle");
    for (double n = every * std::ceil(out.low / every); n <= out.high; n += every) {
      const double place = n > 0 ? n - 0.5 : n + 0.5;
      if (n != 0 && place > out.low && place < out.high)
        out.tics.emplace_back(place, fmt::format("{:+.0f}", n));
    }
    return out;
  }
  // Whether the place between -1 and +1 is on the axis.
  bool has_origin() const {
    return length_ > 0 && origin_ >= 0 && origin_ <= static_cast<Index>(length_);
  }

 private:
  std::size_t length_, bins_;  // length 0: several
  bool named_;
  Index origin_;  // the base that is +1, counted from 0
};

// What is drawn of one class.
struct Drawn {
  std::string name;
  std::vector<std::pair<double, char>> letters;  // place and base
  std::size_t members = 0;
  std::vector<double> effect, weight;  // per bin; weight may be empty
};

// For each bin, the mean decrease of the class's log probability if its bases are replaced: by all
// other bases if the bin is one base, otherwise by two random sequences. Computed for some of the
// sequences.
std::vector<double> effects(const Trained& model, const std::vector<Bases>& members, Index of_class,
                            const Axis& axis, std::size_t some) {
  const std::size_t n = std::min(members.size(), some), fillings = axis.single_bases() ? 3 : 2;
  unroll::Generator random(1);
  const auto mean_log_probability = [&](const std::vector<Bases>& asked) {
    std::vector<Index> all(asked.size());
    std::iota(all.begin(), all.end(), Index{0});
    double sum = 0;
    for (const auto& p : model.ask(asked, all, 1))
      sum += std::log(std::max(p[static_cast<std::size_t>(of_class)], 1e-30));
    return sum / static_cast<double>(asked.size());
  };
  const std::vector<Bases> unchanged(members.begin(),
                                     members.begin() + static_cast<std::ptrdiff_t>(n));
  const double before = mean_log_probability(unchanged);
  std::vector<double> out;
  for (std::size_t i = 0; i < axis.bins(); ++i) {
    std::vector<Bases> changed;
    for (const Bases& s : unchanged)
      for (std::size_t f = 1; f <= fillings; ++f) {
        changed.push_back(s);
        const auto [begin, end] = axis.bin(i, s);
        for (std::size_t p = begin; p < end; ++p)
          if (s[p] < 4)
            changed.back()[p] = static_cast<std::uint8_t>(
                (s[p] + (axis.single_bases() ? static_cast<Index>(f) : 1 + random.below(3))) % 4);
      }
    out.push_back(before - mean_log_probability(changed));
  }
  return out;
}

// The attention weight of each bin, averaged over the sequences.
std::vector<double> weights(const Attentive& model, const std::vector<Bases>& members,
                            const Axis& axis) {
  std::vector<double> out(axis.bins(), 0);
  for (const Bases& s : members) {
    const Tensor w = model.attend({s}).weights.value();  // in order, of one sequence
    const std::size_t skipped = (s.size() - static_cast<std::size_t>(w.numel())) / 2;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto [begin, end] = axis.bin(i, s);
      for (std::size_t p = std::max(begin, skipped);
           p < std::min(end, skipped + static_cast<std::size_t>(w.numel())); ++p)
        out[i] += w.at({static_cast<Index>(p - skipped)}) / static_cast<double>(members.size());
    }
  }
  return out;
}

// The base that more than four of five have, with its place.
std::vector<std::pair<double, char>> common_letters(const std::vector<Bases>& members,
                                                    const Axis& axis) {
  std::vector<std::pair<double, char>> out;
  for (std::size_t i = 0; axis.single_bases() && i < axis.bins(); ++i) {
    std::array<double, unroll::data::kBases> share{};
    for (const Bases& s : members) share[s[i]] += 1 / static_cast<double>(members.size());
    const auto top = std::max_element(share.begin(), share.end()) - share.begin();
    if (share[static_cast<std::size_t>(top)] > 0.8) out.emplace_back(axis.x(i), "ACGTN"[top]);
  }
  return out;
}

// All panels have the same scales.
struct Scales {
  double weight = 0, low = 0, high = 0.01;
};

program::Panel panel_of(const Drawn& drawn, const Axis& axis, const Scales& scales,
                        double most_tics) {
  program::Panel out;
  out.title = fmt::format("class {}, n = {}", unroll::excerpt(drawn.name), drawn.members);
  out.x = axis.settings(most_tics);
  if (axis.has_origin()) out.vertical(0);
  std::vector<double> xs;
  for (std::size_t i = 0; i < axis.bins(); ++i) xs.push_back(axis.x(i));
  const bool weighted = !drawn.weight.empty();
  program::Axis& effect = weighted ? out.y2 : out.y;
  effect = {.label = "fall of log p", .low = 1.1 * scales.low, .high = 1.25 * scales.high};
  if (weighted) {
    out.y = {.label = "mean weight", .low = 0, .high = 1.25 * scales.weight};
    out.boxes(xs, drawn.weight, 0.8 * axis.width(),
              {.title = "weight of attention", .colour = "#6baed6"});
  }
  out.line_points(xs, drawn.effect,
                  {.title = "effect of other bases on the prediction",
                   .colour = "#d94801",
                   .size = 0.5,
                   .second_axis = weighted});
  for (const auto& [place, letter] : drawn.letters)
    out.text(place, out.y.low + 0.91 * (out.y.high - out.y.low), std::string(1, letter),
             {.size = 13, .bold = true});
  return out;
}

}  // namespace

bool picture_possible(const Examples& e, Index origin, const std::string& path) {
  if (!program::can_draw(path)) return false;
  if (e.classes.size() > kMaxClasses) {
    program::say("No picture {}: at most {} classes were required: got {}.\n", path, kMaxClasses,
                 e.classes.size());
    return false;
  }
  unroll::check(origin <= 0 || e.one_length(),
                "--origin: sequences of one length were required: got several lengths");
  unroll::check(origin <= e.longest(), "--origin: a base from 1 to {} was required: got {}",
                e.longest(), origin);
  return true;
}

void draw_classes(const Trained& model, const Examples& e, const std::vector<Index>& which,
                  Index origin, const std::string& path) {
  const Axis axis(e, origin);
  const auto* attentive = std::get_if<Attentive>(&model.network);
  // The number of sequences per class is limited, so that a picture takes seconds.
  constexpr double kMaxBases = 2e7;
  const double bases = static_cast<double>(axis.bins()) * static_cast<double>(e.longest()) * 3 *
                       static_cast<double>(e.classes.size());
  const auto some = static_cast<std::size_t>(std::clamp(kMaxBases / bases, 1.0, 30.0));
  std::vector<Drawn> classes;
  Scales scales;
  for (std::size_t c = 0; c < e.classes.size() && !program::interrupted(); ++c) {
    std::vector<Bases> members;
    for (const Index i : which)
      if (e.labels[static_cast<std::size_t>(i)] == static_cast<Index>(c))
        members.push_back(e.sequences[static_cast<std::size_t>(i)]);
    if (members.empty()) continue;
    Drawn drawn{e.classes[c],
                common_letters(members, axis),
                members.size(),
                effects(model, members, static_cast<Index>(c), axis, some),
                {}};
    if (attentive) drawn.weight = weights(*attentive, members, axis);
    for (const double w : drawn.weight) scales.weight = std::max(scales.weight, w);
    for (const double x : drawn.effect)
      scales.low = std::min(scales.low, x), scales.high = std::max(scales.high, x);
    classes.push_back(std::move(drawn));
  }
  if (program::interrupted()) return;
  program::Figure figure;
  figure.title = fmt::format("Where the prediction of {} depends on the bases{}", model.name,
                             attentive ? ", and where the weight of attention is" : "");
  figure.columns = classes.size() <= 4 ? 1 : classes.size() <= 10 ? 2 : 3;
  figure.panel_width = figure.columns == 1 ? 1100 : figure.columns == 2 ? 750 : 633;
  figure.panel_height = classes.size() == 1 ? 500 : 250;
  for (const Drawn& drawn : classes)
    figure.add(panel_of(drawn, axis, scales, figure.columns == 1 ? 16 : 8));
  figure.draw(path);
}

}  // namespace dna
