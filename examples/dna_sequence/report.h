// What dna_sequence prints and draws.
#pragma once

#include "examples/common/program.h"
#include "examples/dna_sequence/models.h"

namespace dna {

// The answers of one model over all that was tested.
class Score {
 public:
  explicit Score(std::size_t classes) : counts_(classes, std::vector<Index>(classes, 0)) {}
  void add(const Examples& e, const std::vector<Index>& which, const std::vector<Index>& answers);
  Index all() const { return all_; }
  double accuracy() const;
  double standard_error() const;  // of the accuracy: sqrt(p (1 - p) / n)
  Index count(std::size_t truth, std::size_t answer) const { return counts_[truth][answer]; }

 private:
  Index right_ = 0, all_ = 0;
  std::vector<std::vector<Index>> counts_;
};

struct Line {
  std::string name, remark;
  Score score;
};

void print_accuracy(const std::vector<Line>& lines, program::Report& report);
void print_confusion(const Examples& e, const Line& line, program::Report& report);

// For each class, attention's mean weight at each position, how much the answer depends on the base
// there (which need not be where the weight is), and the bases that nearly all of the class have.
void draw_attention(const Attentive& model, const Examples& e, const std::vector<Index>& which,
                    const std::string& path);

}  // namespace dna
