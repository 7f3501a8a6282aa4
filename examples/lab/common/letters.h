// The King James text as lower-case letters, for models that predict the next one.
#pragma once

#include "examples/lab/common/network.h"

namespace lab {

class Letters {
 public:
  // a to z, space, comma, full stop, and one for all other characters
  static constexpr Index kIds = 30;
  static std::vector<Index> ids(const std::string& text);
  static std::string shown(Index id);  // a space as "␣", the id of all others as "*"

  Letters();  // reads data/samples
  // Random pieces of the first nine tenths of the text, scored at each step on the next id.
  Batch batch(Index sequences, Index steps, unroll::Generator& random) const;
  // The last tenth of the text.
  std::vector<Index> held_out() const { return {text_.begin() + train_, text_.end()}; }

 private:
  std::vector<Index> text_;
  Index train_ = 0;
};

}  // namespace lab
