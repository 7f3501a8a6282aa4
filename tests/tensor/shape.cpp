// Shapes: broadcasting, one unknown size, axes; and sizes that would overflow.
#include "naive.h"

#include <unroll/tensor/indexing.h>
#include <unroll/tensor/sequence_layout.h>

#include <limits>

using namespace unroll;

namespace {
constexpr Index kHuge = std::numeric_limits<Index>::max();
}

TEST_CASE("without, with and inserted equal the same changes of a list of sizes") {
  Generator g(1);
  for (int round = 0; round < 200; ++round) {
    const Shape shape = random_shape(g, 1, 5);
    const Place sizes(shape.begin(), shape.end());
    const int axis = static_cast<int>(g.below(shape.rank()));
    Place without = sizes, inserted = sizes, with = sizes;
    without.erase(without.begin() + axis);
    inserted.insert(inserted.begin() + axis, 7);
    with[static_cast<std::size_t>(axis)] = 9;
    CHECK(shape.without(axis) == as_shape(without));
    CHECK(shape.inserted(axis, 7) == as_shape(inserted));
    CHECK(shape.with(axis, 9) == as_shape(with));
    CHECK(shape.with(axis - shape.rank(), 9) == as_shape(with));
    CHECK(shape.axis(axis - shape.rank(), "test") == axis);
    Index product = 1;
    for (Index size : sizes) product *= size;
    CHECK(shape.numel() == product);
  }
  CHECK(Shape{2, 3}.str() == "[2, 3]");
  CHECK(Shape{}.str() == "[]");
  CHECK(Shape{}.numel() == 1);
  CHECK(!(Shape{2} == Shape{2, 1}));
  CHECK(fmt::format("{} {:>8}", Shape{1, 2}, Shape{3}) == "[1, 2]      [3]");
}

TEST_CASE(
    "broadcasting follows NumPy: commutative, [1] and [] change nothing, 0 counts as a size") {
  Generator g(2);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    const Shape a = random_shape(g, 0, 4), b = random_shape(g, 0, 4);
    // From the last axis on, sizes are equal or one of them is 1.
    const int rank = std::max(a.rank(), b.rank());
    Place expected;
    bool fits = true;
    for (int i = rank; i >= 1; --i) {
      const Index x = i <= a.rank() ? a[-i] : 1, y = i <= b.rank() ? b[-i] : 1;
      fits = fits && (x == y || x == 1 || y == 1);
      expected.push_back(x == 1 ? y : x);
    }
    if (fits) {
      CHECK(broadcast("test", a, b) == as_shape(expected));
      CHECK(broadcast("test", b, a) == as_shape(expected));
    } else {
      ++refused;
      const std::string text = message_of([&] { broadcast("test", a, b); });
      check_says(text, "test: shapes that broadcast together were required");
      check_says(text, fmt::format("got {} and {}", a, b));
    }
    CHECK(broadcast("test", a, {}) == a);
  }
  CHECK(refused > 100);
}

TEST_CASE("shapes whose number of elements fits no integer are refused wherever they arise") {
  const auto says = [](const std::function<void()>& f) {
    check_says(message_of(f), "shape: the number of elements must fit 63 bits: got [");
  };
  says([] { Shape{kHuge, 2}; });
  says([] { Shape{0, kHuge, 2}; });
  says([] { Shape{kHuge, 1}.with(1, 2); });
  says([] { Shape{kHuge}.inserted(0, 2); });
  says([] { broadcast("test", Shape{Index{1} << 40, 1}, Shape{1, Index{1} << 40}); });
  says([] { infer_shape("test", {kHuge, kHuge}, {6}); });
  const auto negative = [](const std::function<void()>& f) {
    check_says(message_of(f), "shape: sizes must not be negative: got [");
  };
  negative([] { Shape{-1}; });
  negative([] { Shape{3}.with(0, -1); });
  negative([] { Shape{3}.inserted(0, -1); });
  check_says(message_of([] { Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}; }),
             "at most 8 axes are supported: got 9");
  check_says(message_of([] { Shape{1, 1, 1, 1, 1, 1, 1, 1}.inserted(0, 1); }), "at most 8 axes");
  check_says(message_of([] {
               Shape{2, 3}.axis(2, "test");
             }),
             "test: an axis in [-2, 1] was required for the shape [2, 3]: got 2");
  check_refused(
      [] {
        (void)Shape{2, 3}[2];
      },
      "shape: an axis in [-2, 1] was required for the shape [2, 3]: got 2");
  check_refused([] { (void)Shape{2, 3}[-3]; }, "got -3");
  check_refused([] { (void)Shape{}.back(); }, "shape: an axis was required: got a scalar");
  check_refused([] { Shape{2}.set(1, 3); }, "got 1");
  check_refused([] { (void)Shape{2}.with(1, 3); }, "got 1");
  CHECK(product_of("test", 1 << 30, 4) == Index{1} << 32);
  check_refused([] { product_of("test", 4, Index{1} << 62); },
                "test: sizes whose product fits 63 bits were required: got 4 x 46116860184273879");
  check_says(message_of([] { Shape{}.axis(0, "test"); }),
             "test: an axis was required: got a scalar");
}

TEST_CASE(
    "whatever is done to a shape, it stays one: sizes of at least 0, elements that can be "
    "counted") {
  Generator g(3);
  const std::vector<Index> sizes = {
      -kHuge - 1,     -5,        -1,   0, 1, 2, 3, 7, Index{1} << 20, Index{1} << 31,
      Index{1} << 40, kHuge / 2, kHuge};
  int refused = 0, changed = 0;
  for (int round = 0; round < 5000; ++round) {
    Shape shape = random_shape(g, 1, 5);
    for (int step = 0; step < 8; ++step) {
      const Shape before = shape;
      const int axis = static_cast<int>(g.below(13)) - 6;
      const Index size = sizes[static_cast<std::size_t>(g.below(static_cast<Index>(sizes.size())))];
      try {
        switch (g.below(5)) {
          case 0:
            shape.set(axis, size);
            break;
          case 1:
            shape = shape.with(axis, size);
            break;
          case 2:
            shape = shape.inserted(axis, size);
            break;
          case 3:
            shape = shape.without(axis);
            break;
          default:
            shape = shape.swapped(axis, static_cast<int>(g.below(3)));
        }
        ++changed;
      } catch (const std::invalid_argument&) {
        CHECK(shape == before);
        ++refused;
      }
      Index product = 1;
      for (Index s : shape) {
        REQUIRE(s >= 0);
        REQUIRE(!__builtin_mul_overflow(product, std::max<Index>(s, 1), &product));
      }
      CHECK(shape.rank() <= Shape::kMaxRank);
    }
  }
  CHECK(refused > 1000);
  CHECK(changed > 1000);
  Shape shape{2, 3};
  check_refused([&] { shape.set(0, -5); }, "shape: sizes must not be negative: got [-5, 3]");
  check_refused([&] { shape.set(1, kHuge); }, "the number of elements must fit 63 bits");
  CHECK(shape == Shape{2, 3});
}

TEST_CASE("invalid sizes are refused by all functions that create or view tensors") {
  const Tensor x = Tensor::ones({2, 3});
  const IndexTensor ids = IndexTensor::arange(6);
  const auto refuses = [](const std::function<void()>& f) {
    CHECK_THROWS_AS(f(), std::invalid_argument);
  };
  for (Index bad : {Index{-1}, Index{-6}, -kHuge - 1}) {
    CAPTURE(bad);
    for (DType dtype : {f32, f64}) {
      refuses([&] { Tensor::empty({bad}, dtype); });
      refuses([&] { Tensor::zeros({2, bad}, dtype); });
      refuses([&] { Tensor::full({bad, bad}, 1, dtype); });
    }
    refuses([&] { Tensor::arange(bad); });
    refuses([&] { Tensor::eye(bad); });
    refuses([&] { Generator(1).normal({bad}); });
    refuses([&] { (void)x.reshape({bad, bad}); });
    refuses([&] { (void)x.reshape({bad - (bad == -kHuge - 1 ? 0 : 1), -3}); });
    refuses([&] { (void)x.expand({bad, 2, 3}); });
    refuses([&] { (void)x.narrow(0, bad, 1); });
    refuses([&] { (void)x.narrow(0, 0, bad); });
    refuses([&] { (void)x.narrow(1, kHuge, bad == -kHuge - 1 ? kHuge : -bad); });
    refuses([&] { pad(x, 0, bad, 1); });
    refuses([&] { IndexTensor::full({bad}, 1); });
    refuses([&] { IndexTensor::arange(bad); });
    refuses([&] { (void)ids.reshape({bad, -6}); });
    refuses([&] { SequenceLayout({1, bad}); });
    refuses([&] { SequenceLayout::equal(bad, 2); });
    refuses([&] { SequenceLayout::equal(2, bad); });
    refuses([&] { index_add(x, 0, std::vector<Index>{0, 1}, bad); });
  }
  for (Index huge : {kHuge, kHuge / 2 + 1, Index{1} << 62}) {
    CAPTURE(huge);
    refuses([&] { Tensor::empty({huge, 3}); });
    refuses([&] { Tensor::eye(huge); });
    CHECK_THROWS(Tensor::empty({huge}));  // std::bad_alloc
    CHECK_THROWS(Tensor::zeros({huge, 1}, f64));
    CHECK_THROWS(IndexTensor::full({huge}, 1));
    refuses([&] { (void)x.narrow(0, huge, huge); });
    refuses([&] { (void)x.narrow(0, 1, huge); });
    refuses([&] { pad(x, 0, huge, huge); });
    refuses([&] { pad(x, 1, huge, 0); });
    refuses([&] { (void)x.expand({huge, 2, 3}); });
    refuses([&] { SequenceLayout({huge, huge, huge}); });
    refuses([&] { SequenceLayout::equal(huge, 3); });
    const Tensor wide = Tensor::ones({1}).expand({huge});
    refuses([&] { concat(std::vector<Tensor>{wide, wide, wide}); });
    CHECK_THROWS(wide.clone());
  }
}
