// Independent tapes on several threads; models that share parameters; gradients added up.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/op.h>
#include <unroll/nn/attention.h>

#include <thread>

using namespace unroll;

namespace {

// One thread's share of the work: a batch through a layer and attention, its gradients.
Gradients work(const nn::GRU& gru, const nn::Embedding& embedding, std::uint64_t seed) {
  Generator g(seed);
  const auto lengths = random_lengths(g, 5, 8);
  const SequenceLayout layout(lengths);
  const nn::Tokens tokens(g.integers({layout.rows()}, 0, 10), layout);
  Tape tape;
  const auto out = gru(embedding(tokens));
  return tape.backward(sum(square(out.last())) + sum(dropout(out.sequence.rows, 0.2)));
}

}  // namespace

TEST_CASE("tapes on several threads over shared parameters give what one thread gives") {
  manual_seed(1);
  const nn::Embedding embedding({.vocab = 10, .dim = 6});
  const nn::GRU gru({.in = 6, .hidden = 8, .layers = 2});
  constexpr int kThreads = 4, kRounds = 5;
  std::vector<Gradients> parts(kThreads), expected(kThreads);
  const auto job = [&](int i, Gradients& out) {
    manual_seed(static_cast<std::uint64_t>(i));  // of this thread
    for (int r = 0; r < kRounds; ++r)
      out += work(gru, embedding, static_cast<std::uint64_t>(10 * i + r));
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&, i] { job(i, parts[i]); });
  for (std::thread& t : threads) t.join();
  for (int i = 0; i < kThreads; ++i) std::thread([&, i] { job(i, expected[i]); }).join();
  for (const NamedParam& p : nn::parameters(gru))
    for (int i = 0; i < kThreads; ++i) {
      const Tensor a = parts[i].find(p.param->id())->to_dense(),
                   b = expected[i].find(p.param->id())->to_dense();
      CHECK_MESSAGE(distance(a, b) == 0, p.name);
      CHECK(max(abs(a)).item() > 0);
    }
}

TEST_CASE("a tape is not visible to other threads") {
  Tape tape;
  std::thread([] {
    CHECK(Tape::current() == nullptr);
    CHECK(!recording());
    Tape own;
    CHECK(Tape::current() == &own);
  }).join();
  CHECK(Tape::current() == &tape);
}

TEST_CASE("tensors made on one thread may be freed on another") {
  for (int round = 0; round < 20; ++round) {
    std::vector<Tensor> made;
    std::thread([&] {
      for (Index i = 1; i < 50; ++i) made.push_back(Tensor::full({i * 17}, static_cast<double>(i)));
    }).join();
    std::thread([mine = std::move(made)]() mutable {
      for (Index i = 1; i < 50; ++i) CHECK(mine[i - 1].select(0, 3).item() == i);
      mine.clear();
    }).join();
  }
}

TEST_CASE("concurrent calls of parallel_for complete all their tasks") {
  const int before = threads();
  set_threads(3);
  std::vector<std::vector<int>> seen(4, std::vector<int>(1000));
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back(
        [&, c] { parallel_for(1000, [&, c](Index i) { seen[c][i] += static_cast<int>(i) + c; }); });
  for (std::thread& t : callers) t.join();
  for (int c = 0; c < 4; ++c)
    for (int i = 0; i < 1000; ++i) REQUIRE(seen[c][i] == i + c);
  CHECK_THROWS_WITH(parallel_for(10,
                                 [](Index i) {
                                   if (i == 7) throw std::runtime_error("seven");
                                 }),
                    "seven");
  set_threads(before);
}
