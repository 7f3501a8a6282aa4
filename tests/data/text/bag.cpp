// Bags of words and tf-idf.
#include <unroll/data/text/bag.h>

#include "tests/support.h"

#include <unroll/data/text/vocabulary.h>

#include <cmath>

using namespace unroll;
using namespace unroll::data;

namespace {

using Lists = std::vector<std::vector<Index>>;

Lists random_documents(Generator& g, Index columns) {
  Lists out(static_cast<std::size_t>(1 + g.below(10)));
  for (auto& document : out)
    for (Index i = g.below(20); i > 0; --i) document.push_back(g.below(columns));
  return out;
}

}  // namespace

TEST_CASE("a bag of words has the counts, and knows no order") {
  const Vocabulary words("the cat sees the dog", {});
  const Lists orders{words.encode("the cat sees the dog"), words.encode("dog the the sees cat")};
  const SparseRows bag = bag_of_words(orders, words.size());
  CHECK(bag.dense().str() == Tensor::of({{0, 2, 1, 1, 1}, {0, 2, 1, 1, 1}}).str());
  CHECK(bag_of_words(orders, words.size(), {.binary = true}).dense().str() ==
        Tensor::of({{0, 1, 1, 1, 1}, {0, 1, 1, 1, 1}}).str());
  check_refused([&] { (void)bag_of_words(orders, 4); }, "SparseRows");
  CHECK(bag_of_words(Lists(), 4).rows() == 0);
}

TEST_CASE("tf-idf is count times log((1 + N) / (1 + n)) + 1, each row of length 1") {
  Generator g(1);
  for (int round = 0; round < 50; ++round) {
    const Index columns = 1 + g.below(12);
    const Lists documents = random_documents(g, columns);
    const SparseRows counts = bag_of_words(documents, columns, {.dtype = f64});
    const TfIdf tf_idf(counts);
    const Tensor x = counts.dense(), y = tf_idf(counts).dense();
    for (Index v = 0; v < columns; ++v) {
      double n = 0;
      for (Index d = 0; d < x.size(0); ++d) n += x.at({d, v}) > 0;
      const double N = static_cast<double>(x.size(0));
      CHECK(tf_idf.idf().at({v}) == doctest::Approx(std::log((1 + N) / (1 + n)) + 1));
    }
    for (Index d = 0; d < x.size(0); ++d) {
      double squares = 0;
      for (Index v = 0; v < columns; ++v)
        squares += std::pow(x.at({d, v}) * tf_idf.idf().at({v}), 2);
      for (Index v = 0; v < columns; ++v)
        CHECK(y.at({d, v}) ==
              doctest::Approx(
                  squares == 0 ? 0 : x.at({d, v}) * tf_idf.idf().at({v}) / std::sqrt(squares)));
    }
    CHECK(distance(TfIdf(tf_idf.idf())(counts).dense(), y) == 0);
  }
  check_refused([] { (void)TfIdf(Tensor::ones({3}))(SparseRows::from({{0}}, 4)); },
                "sparse rows of 3 columns were required: got 4");
  check_refused([] { (void)TfIdf(Tensor::ones({3, 1})); }, "weights [V] were required: got [3, 1]");
}
