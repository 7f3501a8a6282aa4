// Sequential MNIST of Bai et al. 2018: the 784 pixels of a digit, one after another.
#include "examples/common/idx_file.h"
#include "examples/lab/common/published.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <numeric>

namespace lab {
namespace {

// Digits as sequences: pixels [n, T] in [0, 1], in the order in which they are read.
struct Digits {
  Index steps = 0;
  std::vector<float> pixels;  // [n, T]
  std::vector<Index> labels;  // [n]
  Index size() const { return std::ssize(labels); }
};

// Squares of `side` pixels are averaged. Pixel t of the sequence is pixel order[t] of the image;
// an empty order is that of the rows.
Digits digits_of(const program::Images& images, Index side, const std::vector<Index>& order) {
  const Index height = images.height / side, width = images.width / side;
  Digits out{height * width, {}, images.labels};
  for (Index i = 0; i < images.size(); ++i)
    for (Index t = 0; t < out.steps; ++t) {
      const Index at = order.empty() ? t : order[static_cast<std::size_t>(t)];
      double sum = 0;
      for (Index y = 0; y < side; ++y)
        for (Index x = 0; x < side; ++x)
          sum += images.image(i)[(at / width * side + y) * images.width + at % width * side + x];
      out.pixels.push_back(static_cast<float>(sum / static_cast<double>(255 * side * side)));
    }
  return out;
}

Batch batch_of(const Digits& digits, const std::vector<Index>& chosen) {
  const Index size = std::ssize(chosen);
  unroll::Tensor rows = unroll::Tensor::empty({digits.steps * size, 1});
  std::vector<float> values(static_cast<std::size_t>(digits.steps * size));
  std::vector<Index> labels;
  for (Index b = 0; b < size; ++b) {
    const Index i = chosen[static_cast<std::size_t>(b)];
    for (Index t = 0; t < digits.steps; ++t)
      values[static_cast<std::size_t>(t * size + b)] =
          digits.pixels[static_cast<std::size_t>(i * digits.steps + t)];
    labels.push_back(digits.labels[static_cast<std::size_t>(i)]);
  }
  Batch out;
  out.values = nn::Sequence(unroll::Tensor::from(values, {digits.steps * size, 1}),
                            unroll::SequenceLayout::equal(size, digits.steps));
  out.scored = out.values.layout.last_rows();
  out.targets = labels;
  return out;
}

// Batches that go through all digits, in a new order each time, or in file order without shuffling.
Task passes(const Digits& digits, Index size, bool shuffled) {
  std::vector<Index> order(static_cast<std::size_t>(digits.size()));
  std::iota(order.begin(), order.end(), 0);
  return [&digits, size, shuffled, order, at = Index{0}](unroll::Generator& random) mutable {
    if (at >= digits.size()) at = 0;
    if (at == 0 && shuffled) order = random.permutation(digits.size());
    const Index end = std::min(at + size, digits.size());
    const std::vector<Index> chosen(order.begin() + at, order.begin() + end);
    at = end;
    return batch_of(digits, chosen);
  };
}

struct Parts {
  program::Images train, test;
  std::string origin;  // a sentence
};

Parts read(const Reproduction& how) {
  const auto labelled = [](const std::string& path) {
    program::Images out = program::read_images(path, program::labels_beside(path));
    for (const Index label : out.labels)
      unroll::check_io(label < 10, "{}: labels from 0 to 9 were required: got {}", path, label);
    return out;
  };
  if (how.data.empty()) {
    const program::Images all = labelled(program::mnist("images-idx3-ubyte.gz"));
    return {all.part(0, 8000), all.part(8000, all.size()),
            "The digits are the 10,000 of data/mnist: 8,000 for training (published: 60,000) and "
            "2,000 for testing, which are not the test set of MNIST, so results are only roughly "
            "comparable; with MNIST's files use --data and --test."};
  }
  const program::Images all = labelled(how.data);
  if (!how.test.empty())
    return {all, labelled(how.test),
            fmt::format("Training is on {}, testing on {}.", how.data, how.test)};
  const Index training = all.size() - all.size() / 6;
  unroll::check_io(training < all.size(),
                   "{}: at least 6 images, of which a sixth is for testing, were required without "
                   "--test: got {}",
                   how.data, all.size());
  return {all.part(0, training), all.part(training, all.size()),
          fmt::format("The last sixth of {} is for testing.", how.data)};
}

}  // namespace

void reproduce_digits(Experiment& e, const Reproduction& how, const std::string& name) {
  const PaperTask& task = paper_task(name);
  const Parts parts = read(how);
  const Index side = how.as_published ? 1 : e.choose<Index>(4, 2, 1),
              parameters = how.as_published ? task.parameters
                                            : e.choose<Index>(2000, 10'000, task.parameters),
              epochs = how.epochs > 0     ? how.epochs
                       : how.as_published ? 20
                                          : e.choose<Index>(3, 12, 5);
  constexpr Index kBatch = 64;
  const double rate = 2e-3;
  std::vector<Index> order;
  if (name == "pmnist") {
    unroll::Generator random(e.options().seed);
    order = random.permutation((parts.train.height / side) * (parts.train.width / side));
  }
  unroll::check_io(
      parts.train.height == parts.test.height && parts.train.width == parts.test.width &&
          parts.train.height >= side && parts.train.width >= side,
      "published: images of one size, of at least {} x {}, were required: got {} x {} and {} x {}",
      side, side, parts.train.height, parts.train.width, parts.test.height, parts.test.width);
  const Digits train = digits_of(parts.train, side, order),
               test = digits_of(parts.test, side, order);
  e.text(fmt::format(
      "{}: the {} pixels of a digit{}, one after another{} (published: 784). {} Training: {} "
      "epoch{} in batches of {}, with Adam at a peak rate of {}. The paper's models have about {} "
      "parameters.",
      task.title, train.steps, side > 1 ? fmt::format(", averaged over {0} x {0}", side) : "",
      order.empty() ? "" : ", in a fixed random order", parts.origin, epochs,
      epochs == 1 ? "" : "s", kBatch, rate, task.parameters));
  std::vector<Result> results;
  for (const std::string& model : how.models) {
    const Network network({.reader = {.kind = model},
                           .columns = 1,
                           .outputs = 10,
                           .parameters = parameters,
                           .seed = e.options().seed});
    learn(network, passes(train, kBatch, true),
          {.steps = std::max<Index>(epochs * ((train.size() + kBatch - 1) / kBatch), 1),
           .rate = rate,
           .seed = e.options().seed,
           .label = model + ", " + name});
    const double right =
        accuracy(network, passes(test, 100, false), (test.size() + 99) / 100, e.options().seed);
    results.push_back({model, network.parameter_count(), {100 * right}});
  }
  report(e, task, results, "784 pixels", fmt::format("{} pixels", train.steps));
  compare(e, task, results);
}

}  // namespace lab
