// Arithmetic, element by element: broadcasting against a naive array, and special values.
#include "naive.h"

#include <unroll/tensor/threads.h>
#include <unroll/tensor/unary.h>

#include <limits>

using namespace unroll;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct BinaryOp {
  const char* name;
  Tensor (*ours)(const Tensor&, const Tensor&);
  double (*theirs)(double, double);
};

// NaN in either operand comes out of minimum and maximum, as in NumPy.
const BinaryOp kBinaryOps[] = {
    {"add", add, [](double a, double b) { return a + b; }},
    {"sub", sub, [](double a, double b) { return a - b; }},
    {"mul", mul, [](double a, double b) { return a * b; }},
    {"div", div, [](double a, double b) { return a / b; }},
    {"pow", pow, [](double a, double b) { return std::pow(a, b); }},
    {"minimum", minimum, [](double a, double b) { return std::isnan(a) || a < b ? a : b; }},
    {"maximum", maximum, [](double a, double b) { return std::isnan(a) || a > b ? a : b; }},
    {"equal", equal, [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {"less", less, [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {"less_equal", less_equal, [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
};

// Some axes of a shape become 1 or, from the left, vanish: it still broadcasts to the whole.
Shape thinned(Generator& g, const Shape& whole) {
  Place sizes(whole.begin(), whole.end());
  for (Index& size : sizes)
    if (g.below(3) == 0) size = 1;
  sizes.erase(sizes.begin(), sizes.begin() + (g.below(3) ? 0 : g.below(whole.rank() + 1)));
  return as_shape(sizes);
}

double broadcast_at(const Naive& x, const Place& at) {
  Place from(at.end() - static_cast<std::ptrdiff_t>(x.shape.size()), at.end());
  for (std::size_t i = 0; i < from.size(); ++i)
    if (x.shape[i] == 1) from[i] = 0;
  return x.at(from);
}

}  // namespace

TEST_CASE("every binary op broadcasts as in NumPy, over random shapes and strides") {
  int count = 0;
#define UNROLL_COUNT(name) ++count;
  UNROLL_BINARY_OPS(UNROLL_COUNT)
#undef UNROLL_COUNT
  CHECK(static_cast<int>(std::size(kBinaryOps)) == count);
  Generator g(1);
  for (int round = 0; round < 2000; ++round) {
    const BinaryOp& op = kBinaryOps[round % std::size(kBinaryOps)];
    const DType dtype = g.below(2) ? f32 : f64;
    const Shape whole = random_shape(g, 0, 4);
    Tensor a = random_strided(g, thinned(g, whole), dtype);
    const Tensor b = random_strided(g, thinned(g, whole), dtype);
    const bool is_pow = op.name == std::string("pow");
    if (is_pow) a = abs(a);
    const Shape shape = broadcast("test", a.shape(), b.shape());
    const Naive na = naive_of(a), nb = naive_of(b);
    const Naive expected = naive(Place(shape.begin(), shape.end()), [&](const Place& at) {
      const double y = op.theirs(broadcast_at(na, at), broadcast_at(nb, at));
      return dtype == f32 ? static_cast<double>(static_cast<float>(y)) : y;
    });
    CHECK_MESSAGE(same(op.ours(a, b), expected, is_pow ? 1e-6 : 0), op.name, " of ", a.shape(),
                  " and ", b.shape());
  }
}

TEST_CASE("binary ops of long runs, in one piece, by rows and repeated, equal the sums of parts") {
  Generator g(2);
  for (Index n : {1, 7, 16, 31, 511, 513, 70000, 200001}) {
    const Tensor a = g.normal({3, n}), b = g.normal({3, n});
    const Tensor row = g.normal({n}), column = g.normal({3, 1});
    for (Index r = 0; r < 3; ++r) {
      const auto part = [&](const Tensor& x) { return x.select(0, r); };
      CHECK(distance(part(sub(a, b)), sub(part(a), part(b))) == 0);
      CHECK(distance(part(sub(a, row)), sub(part(a), row)) == 0);
      CHECK(distance(part(sub(a, column)), sub(part(a), column.at({r, 0}) * Tensor::ones({n}))) ==
            0);
      CHECK(distance(part(sub(a.transpose(), b.transpose()).transpose()), sub(part(a), part(b))) ==
            0);
    }
    const Tensor every_other = g.normal({3, 2 * n}).reshape({3, n, 2}).select(2, 1);
    CHECK(distance(sub(every_other, b), sub(every_other.clone(), b)) == 0);
  }
}

TEST_CASE("operators with a number on either side keep the tensor's type") {
  const Tensor x = Tensor::of({1, 2, 4}, f64);
  CHECK((x + 1).to_vector<double>() == std::vector<double>{2, 3, 5});
  CHECK((1 + x).to_vector<double>() == std::vector<double>{2, 3, 5});
  CHECK((x - 1).to_vector<double>() == std::vector<double>{0, 1, 3});
  CHECK((1 - x).to_vector<double>() == std::vector<double>{0, -1, -3});
  CHECK((x * 3).to_vector<double>() == std::vector<double>{3, 6, 12});
  CHECK((3 * x).to_vector<double>() == std::vector<double>{3, 6, 12});
  CHECK((x / 2).to_vector<double>() == std::vector<double>{0.5, 1, 2});
  CHECK((4 / x).to_vector<double>() == std::vector<double>{4, 2, 1});
  CHECK((-x).to_vector<double>() == std::vector<double>{-1, -2, -4});
  CHECK((x.to(f32) / 3).dtype() == f32);
}

TEST_CASE("NaN propagates through minimum, maximum and relu, and compares unequal") {
  for (DType dtype : {f32, f64})
    for (Index n : {1, 3, 8, 17, 40}) {  // as a whole vector and as a rest
      const Tensor nan = Tensor::full({n}, NAN, dtype), one = Tensor::ones({n}, dtype);
      for (const Tensor& y : {minimum(nan, one), minimum(one, nan), maximum(nan, one),
                              maximum(one, nan), relu(nan), add(nan, one), mul(nan, one)})
        for (double v : y.to_vector<double>()) CHECK(std::isnan(v));
      for (const Tensor& y : {equal(nan, nan), less(nan, one), less_equal(one, nan)})
        CHECK(max(y).item() == 0);
    }
}

TEST_CASE("where selects by its condition, with broadcasting and a condition of any dtype") {
  Generator g(3);
  for (int round = 0; round < 300; ++round) {
    const Shape whole = random_shape(g, 0, 3);
    const Tensor a = random_strided(g, thinned(g, whole), f32);
    const Tensor b = random_strided(g, thinned(g, whole), f32);
    const Tensor c = g.bernoulli(thinned(g, whole), 0.5, round % 2 ? f32 : f64);
    const Tensor y = where(c, a, b);
    const Naive na = naive_of(a), nb = naive_of(b), nc = naive_of(c);
    CHECK(same(y, naive(Place(y.shape().begin(), y.shape().end()), [&](const Place& at) {
                 return broadcast_at(broadcast_at(nc, at) != 0 ? na : nb, at);
               })));
  }
  // Not zero in its own type, though it would be in that of a and b.
  CHECK(where(Tensor::of({1e-300}, f64), Tensor::of({1}), Tensor::of({2})).item() == 1);
  CHECK(where(Tensor::of({NAN}), Tensor::of({1}), Tensor::of({2})).item() == 1);
}

TEST_CASE("add_into adds through any strides of its target") {
  Generator g(4);
  for (int round = 0; round < 300; ++round) {
    const Shape shape = random_shape(g, 0, 3);
    Tensor y = random_strided(g, shape, f64);
    const Tensor x = random_strided(g, shape, f64), expected = add(y, x);
    add_into(y, x);
    CHECK(distance(y, expected) == 0);
  }
}

TEST_CASE("copying to an overlapping view equals copying from a clone") {
  Tensor x = Tensor::ones({40}), later = x.narrow(0, 1, 39);
  add_into(later, x.narrow(0, 0, 39));
  CHECK(distance(x, Tensor::full({40}, 2)) == 1);
  CHECK(sum(x).item() == 79);
  Tensor row = Tensor::of({1, 2});
  Tensor rows = row.expand({3, 2});
  check_says(message_of([&] {
               add_into(rows, Tensor::ones({3, 2}));
             }),
             "add_into: a tensor whose elements do not overlap was required");
  check_says(message_of([&] { rows.copy_(Tensor::ones({3, 2})); }), "expanded one, shape [3, 2]");
}

TEST_CASE("all_finite finds one NaN or infinity at any position") {
  for (DType dtype : {f32, f64})
    for (Index n : {1, 5, 16, 33, 100}) {
      Tensor x = Tensor::full({n}, dtype == f32 ? 3e38 : 1e308, dtype);
      CHECK(all_finite(x));
      for (Index i : {Index{0}, n / 2, n - 1})
        for (double bad : {kInf, -kInf, static_cast<double>(NAN)}) {
          const double before = x.at({i});
          x.set({i}, bad);
          CHECK(!all_finite(x));
          x.set({i}, before);
        }
    }
  CHECK(all_finite(Tensor::zeros({0})));
}

TEST_CASE("results do not depend on the number of threads") {
  Generator g(5);
  const Tensor x = g.normal({3, 100003}), y = g.normal({3, 100003});
  const int before = threads();
  set_threads(1);
  const Tensor one = mul(exp(x), y), sums = sum(x, {1}), soft = softmax(x);
  set_threads(3);
  CHECK(distance(one, mul(exp(x), y)) == 0);
  CHECK(distance(sums, sum(x, {1})) == 0);
  CHECK(distance(soft, softmax(x)) == 0);
  set_threads(before);
}

TEST_CASE("operands that do not fit are refused with op, shapes and dtypes") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({2, 4}), d = Tensor::zeros({2, 3}, f64);
  for (const BinaryOp& op : kBinaryOps) {
    const std::string name = op.name;
    check_says(message_of([&] { op.ours(a, b); }),
               name + ": shapes that broadcast together were required");
    check_says(message_of([&] { op.ours(a, b); }), "got [2, 3] and [2, 4]");
    check_says(message_of([&] { op.ours(a, d); }),
               name + ": tensors of one type were required: got f32 [2, 3] and f64 [2, 3]");
    check_says(message_of([&] { op.ours(a, Tensor()); }), "undefined");
  }
  const Tensor tall = Tensor::zeros({1}).expand({Index{1} << 40}).unsqueeze(1);
  check_says(message_of([&] { add(tall, tall.transpose()); }), "must fit 63 bits");
  Tensor y = a;
  check_says(message_of([&] { add_into(y, b); }), "add_into: one shape was required: got [2, 4]");
  check_says(message_of([&] { add_into(y, d); }), "add_into: tensors of one type were required");
  check_says(message_of([&] { where(a, a, d); }), "where: tensors of one type");
  check_says(message_of([&] { where(b, a, a); }), "where: shapes that broadcast");
  check_says(message_of([&] { exp(Tensor()); }), "undefined");
  check_says(message_of([&] { all_finite(Tensor()); }), "undefined");
  const auto slopes = [&](const Tensor& g, const Tensor& saved) {
    return message_of([&] { apply_gradient(kernels::Unary::exp, g, saved); });
  };
  check_says(slopes(a, b), "exp: a gradient of the shape [2, 4] was required: got [2, 3]");
  check_says(slopes(a, d), "one type");
}
