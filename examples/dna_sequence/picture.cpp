#include "examples/dna_sequence/picture.h"

#include "examples/common/picture.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace dna {
namespace {

constexpr std::size_t kMostClasses = 20, kMostBins = 100, kShares = 50;

// The bins of a sequence and their labels.
class Axis {
 public:
  Axis(const Examples& e, Index origin)
      : length_(e.one_length() ? static_cast<std::size_t>(e.longest()) : 0),
        bins_(length_ > 0 ? std::min(length_, kMostBins) : kShares),
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
  // With at most this many tick labels.
  std::string settings(double most_tics) const {
    if (length_ == 0)
      return "set xrange [0:100]\nset xtics 20\nset xlabel 'part of the sequence (%)'\n";
    const auto left = static_cast<double>(-origin_), right = left + static_cast<double>(length_);
    double every = 1;
    for (int i = 0; (right - left) / every > most_tics; ++i) every *= i % 3 == 1 ? 2.5 : 2;
    std::string tics =
        left <= 0 && right >= 0 ? fmt::format("'{}' 0", named_ ? "|" : "middle") : std::string();
    const auto add = [&](double n) {
      const double place = n > 0 ? n - 0.5 : n + 0.5;
      if (n != 0 && place > left && place < right)
        tics += fmt::format("{}'{:+.0f}' {}", tics.empty() ? "" : ", ", n, place);
    };
    for (double n = every * std::ceil(left / every); n <= right; n += every) add(n);
    return fmt::format(
        "set xrange [{}:{}]\nset xtics ({})\nset xlabel 'base, counted from {}'\n"
        "set arrow from 0, graph 0 to 0, graph 1 nohead dt 3 lc rgb '#555555'\n",
        left, right, tics,
        named_ ? fmt::format("base {}, which is +1", origin_ + 1) : "the middle");
  }

 private:
  std::size_t length_, bins_;  // length 0: several
  bool named_;
  Index origin_;  // the base that is +1, counted from 0
};

// The data of one class's panel.
struct Panel {
  std::string name, letters;
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

// For each position, the base that more than four fifths of the sequences have.
std::string common_letters(const std::vector<Bases>& members, const Axis& axis) {
  std::string out;
  for (std::size_t i = 0; axis.single_bases() && i < axis.bins(); ++i) {
    std::array<double, unroll::data::kBases> share{};
    for (const Bases& s : members) share[s[i]] += 1 / static_cast<double>(members.size());
    const auto top = std::max_element(share.begin(), share.end()) - share.begin();
    if (share[static_cast<std::size_t>(top)] > 0.8)
      out += fmt::format("set label '{}' at {}, graph 0.91 center font 'Sans Bold,13'\n",
                         "ACGTN"[top], axis.x(i));
  }
  return out;
}

}  // namespace

bool picture_possible(const Examples& e, Index origin, const std::string& path) {
  if (!program::can_draw(path)) return false;
  if (e.classes.size() > kMostClasses) {
    program::say("No picture {}: at most {} classes were required: got {}.\n", path, kMostClasses,
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
  constexpr double kMostBases = 2e7;
  const double bases = static_cast<double>(axis.bins()) * static_cast<double>(e.longest()) * 3 *
                       static_cast<double>(e.classes.size());
  const auto some = static_cast<std::size_t>(std::clamp(kMostBases / bases, 1.0, 30.0));
  std::vector<Panel> panels;
  double highest = 0, lowest_effect = 0, highest_effect = 0.01;
  for (std::size_t c = 0; c < e.classes.size() && !program::interrupted(); ++c) {
    std::vector<Bases> members;
    for (const Index i : which)
      if (e.labels[static_cast<std::size_t>(i)] == static_cast<Index>(c))
        members.push_back(e.sequences[static_cast<std::size_t>(i)]);
    if (members.empty()) continue;
    Panel panel{e.classes[c],
                common_letters(members, axis),
                members.size(),
                effects(model, members, static_cast<Index>(c), axis, some),
                {}};
    if (attentive) panel.weight = weights(*attentive, members, axis);
    for (const double w : panel.weight) highest = std::max(highest, w);
    for (const double x : panel.effect)
      lowest_effect = std::min(lowest_effect, x), highest_effect = std::max(highest_effect, x);
    panels.push_back(std::move(panel));
  }
  if (program::interrupted()) return;
  const std::size_t columns = panels.size() <= 4    ? 1
                              : panels.size() <= 10 ? 2
                                                    : 3,
                    rows = (panels.size() + columns - 1) / columns;
  std::string blocks, plots;
  for (std::size_t k = 0; k < panels.size(); ++k) {
    const Panel& panel = panels[k];
    blocks += fmt::format("$class{} << E\n", k);
    for (std::size_t i = 0; i < axis.bins(); ++i)
      blocks += fmt::format("{} {:.6f} {:.6f}\n", axis.x(i), attentive ? panel.weight[i] : 0.0,
                            panel.effect[i]);
    blocks += "E\n";
    const std::string effect = fmt::format(
        "$class{} using 1:3 axes x1y2 with linespoints pt 7 ps 0.5 lw 1.5 lc rgb '#d94801' "
        "title 'effect of other bases on the prediction'",
        k);
    plots += fmt::format(
        "unset label\n{}set title {}\nplot {}{}\n{}", panel.letters,
        program::quoted(
            fmt::format("class {}, n = {}", unroll::excerpt(panel.name), panel.members)),
        attentive ? fmt::format("$class{} using 1:2 with boxes fs solid 0.7 lc rgb '#6baed6' title "
                                "'weight of attention', ",
                                k)
                  : "",
        effect, k == 0 ? "unset key\n" : "");
  }
  const std::string scales = fmt::format(
      "set y2range [{}:{}]\nset y2label 'fall of log p'\nset y2tics\n{}", 1.1 * lowest_effect,
      1.25 * highest_effect,
      attentive ? fmt::format("set yrange [0:{}]\nset ylabel 'mean weight'\n", 1.25 * highest)
                : "unset ytics\n");
  const std::string title =
      program::quoted(fmt::format("Where the prediction of {} depends on the bases{}", model.name,
                                  attentive ? ", and where the weight of attention is" : ""));
  program::draw(path,
                fmt::format("{}set multiplot layout {},{} title {} font 'Sans Bold,13'\n"
                            "set lmargin 10\nset rmargin 10\nset boxwidth {}\n{}{}"
                            "set key tmargin right horizontal reverse Left\n{}unset multiplot\n",
                            blocks, rows, columns, title, 0.8 * axis.width(),
                            axis.settings(columns == 1 ? 16 : 8), scales, plots),
                {.width = columns == 1   ? 1100
                          : columns == 2 ? 1500
                                         : 1900,
                 .height = std::max(500, 250 * static_cast<int>(rows))});
}

}  // namespace dna
