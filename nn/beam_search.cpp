// Beam search, as declared in decode.h.
#include <unroll/nn/decode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace unroll::nn::detail {
namespace {

// A chosen id of a hypothesis, and the one before it; -1: none.
struct Node {
  Index before = -1, id = -1;
  Tensor attention;  // [S]
};

class Beams : public Decoding {
 public:
  Beams(const IndexTensor& first, const BeamOptions& o)
      : Decoding("beam_search", first, o.eos, o.max_length), options_(o) {
    check(o.beams >= 1, "beam_search: at least one beam was required: got {}", o.beams);
    check(o.results >= 1 && o.results <= o.beams,
          "beam_search: results in [1, {}], the number of beams, were required: got {}", o.beams,
          o.results);
    check(o.length_penalty >= 0 && std::isfinite(o.length_penalty),
          "beam_search: a finite length_penalty of at least 0 was required: got {}",
          o.length_penalty);
    searches_.resize(static_cast<std::size_t>(first.numel()));
    for (Search& search : searches_) {
      if (o.max_length > 0) {
        search.running.push_back({});
      } else {
        search.found.push_back({});
      }
    }
  }

  std::vector<std::vector<Decoded>> results() override {
    std::vector<std::vector<Decoded>> all;
    for (const Search& search : searches_) {
      all.emplace_back();
      for (const Hypothesis& h : search.found) all.back().push_back(decoded(h));
    }
    return all;
  }

 private:
  struct Hypothesis {
    double log_probability = 0, score = 0;
    Index last = -1;  // its last node
    bool ended = false;
  };
  struct Search {
    std::vector<Hypothesis> running;  // in the order of their rows
    std::vector<Hypothesis> found;    // best first, at most `results`
    Index ended = 0;                  // how many hypotheses have ended
  };
  struct Candidate {
    double log_probability;
    Index row, id;
  };

  double score(double log_probability, Index length) const {
    return length == 0
               ? 0
               : log_probability / std::pow(static_cast<double>(length), options_.length_penalty);
  }

  // The best continuations of rows [begin, begin + hypotheses), best first. Equal ones stay in the
  // order of rows and ids.
  void find(const Logits& step, const std::vector<Hypothesis>& from, Index begin) {
    best_.clear();
    const auto beams = static_cast<std::size_t>(options_.beams);
    const Index vocab = step.logits.shape()[1];
    double worst = -std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < from.size(); ++k) {
      const Index row = begin + static_cast<Index>(k);
      const double before = from[k].log_probability, top = step.top.at({row}),
                   log_sum = step.log_sum.at({row});
      dispatch(step.logits.dtype(), [&]<class T>() {
        const T* x = std::as_const(step.logits).data<T>() + row * vocab;
        for (Index id = 0; id < vocab; ++id) {
          const double now = before + ((static_cast<double>(x[id]) - top) - log_sum);
          if (!(now > worst)) continue;
          if (best_.size() == beams) best_.pop_back();
          const auto at = std::find_if(best_.begin(), best_.end(),
                                       [&](const Candidate& c) { return c.log_probability < now; });
          best_.insert(at, {now, row, id});
          if (best_.size() == beams) worst = best_.back().log_probability;
        }
      });
    }
  }

  void add_found(Search& search, const Hypothesis& h) {
    const auto at = std::find_if(search.found.begin(), search.found.end(),
                                 [&](const Hypothesis& other) { return other.score < h.score; });
    search.found.insert(at, h);
    if (static_cast<Index>(search.found.size()) > options_.results) search.found.pop_back();
  }

  // Whether a running hypothesis can still become a result. Log-probabilities are at most 0, so a
  // score is at most today's log-probability over the largest penalty.
  bool can_improve(const Search& search) const {
    if (search.running.empty()) return false;
    if (options_.early_stopping && search.ended >= options_.beams) return false;
    if (static_cast<Index>(search.found.size()) < options_.results) return true;
    return score(search.running.front().log_probability, limit_) > search.found.back().score;
  }

  void choose(const Logits& step) override {
    Index begin = 0;
    for (Search& search : searches_) {
      const auto rows = static_cast<Index>(search.running.size());
      if (rows == 0) continue;
      find(step, search.running, begin);
      before_.swap(search.running);
      search.running.clear();
      kept_.clear();
      for (const Candidate& c : best_) {
        Hypothesis h{c.log_probability, score(c.log_probability, steps_),
                     before_[static_cast<std::size_t>(c.row - begin)].last, c.id == eos_};
        if (h.ended) {
          ++search.ended;
          add_found(search, h);
          continue;
        }
        nodes_.push_back(
            {h.last, c.id, step.attention.defined() ? step.attention.select(0, c.row) : Tensor()});
        h.last = static_cast<Index>(nodes_.size()) - 1;
        search.running.push_back(h);
        kept_.push_back(c);
      }
      if (steps_ == limit_)
        for (const Hypothesis& h : search.running) add_found(search, h);
      if (steps_ == limit_ || !can_improve(search)) {
        search.running.clear();
      } else {
        for (const Candidate& c : kept_) next(c.row, c.id);
      }
      begin += rows;
    }
  }

  Decoded decoded(const Hypothesis& h) const {
    Decoded out{.log_probability = h.log_probability, .score = h.score, .ended = h.ended};
    std::vector<Tensor> attention;
    for (Index at = h.last; at >= 0; at = nodes_[static_cast<std::size_t>(at)].before) {
      const Node& node = nodes_[static_cast<std::size_t>(at)];
      out.ids.push_back(node.id);
      if (node.attention.defined()) attention.push_back(node.attention);
    }
    std::reverse(out.ids.begin(), out.ids.end());
    std::reverse(attention.begin(), attention.end());
    out.attention = stacked(attention);
    return out;
  }

  BeamOptions options_;
  std::vector<Search> searches_;
  std::vector<Node> nodes_;
  std::vector<Candidate> best_, kept_;  // of the search at hand
  std::vector<Hypothesis> before_;
};

}  // namespace

std::unique_ptr<Decoding> decoding(const IndexTensor& first, const BeamOptions& options) {
  return std::make_unique<Beams>(first, options);
}

}  // namespace unroll::nn::detail
