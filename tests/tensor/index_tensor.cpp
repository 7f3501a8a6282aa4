// IndexTensor: ids and their bounds.
#include "tests/support.h"

#include <unroll/tensor/index_tensor.h>

#include <limits>

using namespace unroll;

TEST_CASE("an index tensor holds the ids it was given, in any shape") {
  const IndexTensor x({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(x.rank() == 2);
  CHECK(x[4] == 5);
  CHECK(std::vector<Index>(x.begin(), x.end()) == std::vector<Index>{1, 2, 3, 4, 5, 6});
  CHECK(x.reshape({3, 2}).shape() == Shape{3, 2});
  CHECK(x.reshape({3, 2}).data() == x.data());
  CHECK(!(x == x.reshape({3, 2})));
  CHECK(x == IndexTensor::of({1, 2, 3, 4, 5, 6}).reshape({2, 3}));
  CHECK(IndexTensor::arange(3) == IndexTensor::of({0, 1, 2}));
  CHECK(IndexTensor::full({2, 2}, 7) == IndexTensor({7, 7, 7, 7}, {2, 2}));
}

TEST_CASE("an undefined IndexTensor is empty and does not crash") {
  const IndexTensor none;
  CHECK(!none.defined());
  CHECK(none.numel() == 0);
  CHECK(none.begin() == none.end());
  CHECK(none.str() == "undefined");
  CHECK(none == IndexTensor());
  none.check_range("test", 0);
}

TEST_CASE("ids out of range are refused with their position") {
  const IndexTensor x = IndexTensor::of({0, 3, -1});
  x.check_range("test", 4, -1);
  check_says(message_of([&] { x.check_range("lookup", 4); }), "got -1 at 2");
  check_says(message_of([&] { x.check_range("lookup", 3); }),
             "lookup: ids in [0, 3) were required: got 3 at 1");
  check_says(message_of([&] { x.check_range("lookup", 4, 9); }), "got -1 at 2");
  check_says(message_of([] {
               IndexTensor({1, 2}, {3});
             }),
             "3 values were required for the shape [3]");
  check_says(message_of([] { IndexTensor::arange(-1); }), "arange: a count of at least 0");
  check_refused([] { IndexTensor::arange(Index{1} << 61); },
                "arange: a count that fits memory was required: got 2305843009213693952");
  check_refused([] { IndexTensor::full({Index{1} << 61}, 1); },
                "index tensor: a count that fits memory was required");
  check_refused([&] { (void)x[3]; }, "index tensor: a position in [0, 3) was required: got 3");
  check_refused([&] { (void)x[-1]; }, "got -1");
  check_refused([] { (void)IndexTensor()[0]; }, "a position in [0, 0) was required: got 0");
  check_says(message_of([&] { x.reshape({2}); }), "a shape with 3 elements was required for [3]");
}
