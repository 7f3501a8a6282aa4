// Images and labels in IDX format.
#include "examples/common/idx_file.h"
#include "tests/examples/gzipped.h"
#include "tests/examples/run_program.h"
#include "tests/support.h"

#include <unroll/tensor/random.h>

namespace {

std::string idx(const std::vector<unsigned>& sizes, const std::string& values, char type = 8) {
  std::string out{'\0', '\0', type, static_cast<char>(sizes.size())};
  for (const unsigned size : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 255);
  return out + values;
}

std::string random_bytes(unroll::Index n, unroll::Generator& random) {
  std::string out;
  for (unroll::Index i = 0; i < n; ++i) out += static_cast<char>(random.below(256));
  return out;
}

}  // namespace

TEST_CASE("an IDX file of any size is read as it was written, compressed or not") {
  const Folder folder;
  unroll::Generator random(1);
  for (int i = 0; i < 20; ++i) {
    const unsigned n = 1 + static_cast<unsigned>(random.below(9)),
                   h = 1 + static_cast<unsigned>(random.below(9)),
                   w = 1 + static_cast<unsigned>(random.below(9));
    const std::string pixels = random_bytes(n * h * w, random), labels = random_bytes(n, random),
                      of_images = idx({n, h, w}, pixels), of_labels = idx({n}, labels);
    const std::string image_path =
        folder.write("x-images-idx3-ubyte", i % 2 ? of_images : gzipped(of_images));
    const std::string label_path = program::labels_beside(image_path);
    CHECK(label_path == folder / "x-labels-idx1-ubyte");
    folder.write("x-labels-idx1-ubyte", i % 3 ? of_labels : gzipped(of_labels));
    const program::Images images = program::read_images(image_path, label_path);
    CHECK(images.size() == n);
    CHECK(images.height == h);
    CHECK(images.width == w);
    for (unsigned k = 0; k < n * h * w; ++k)
      REQUIRE(images.pixels[k] == static_cast<unsigned char>(pixels[k]));
    for (unsigned k = 0; k < n; ++k)
      CHECK(images.labels[k] == static_cast<unsigned char>(labels[k]));
    const program::Images rest = images.part(1, n);
    CHECK(rest.size() == n - 1);
    if (n > 1) CHECK(std::equal(rest.image(0), rest.image(0) + h * w, images.image(1)));
    CHECK(program::read_images(image_path).labels.empty());
  }
}

TEST_CASE("a file that is not IDX, or not as its header states, is refused by a sentence") {
  const Folder folder;
  const auto refused = [&](const std::string& bytes, const std::string& words) {
    const std::string path = folder.write("x", bytes),
                      said = unroll::message_of([&] { program::read_images(path); });
    CAPTURE(said);
    CHECK(said.find("x: ") != std::string::npos);
    CHECK(said.find(words) != std::string::npos);
  };
  const std::string good = idx({2, 2, 3}, std::string(12, 'a'));
  refused("", "got an empty file");
  refused("label,pixel\n", "two zero bytes");
  refused(good.substr(0, 3), "two zero bytes");
  refused(good.substr(0, 10), "16 bytes was required: got 10 bytes");
  refused(good.substr(0, 20), "12 values were required, as its header states: got 4");
  refused(good + "a", "12 values were required, as its header states: got 13");
  refused(idx({2, 2, 3}, std::string(12, 'a'), 13), "got type 13");
  refused(idx({12}, std::string(12, 'a')), "3 axes (images) was required: got 1");
  refused(idx({0, 2, 3}, ""), "at least one image");
  refused(idx({4'000'000'000, 4'000'000'000, 4'000'000'000}, "a"), "values were required");
  refused(gzipped(good).substr(0, 15), "gzip");
  const std::string images = folder.write("y", good), labels = folder.write("z", idx({1}, "a"));
  CHECK(unroll::message_of([&] {
          program::read_images(images, labels);
        }).find("each of the 2 images") != std::string::npos);
  CHECK(unroll::message_of([&] { program::labels_beside("images-idx3/x"); }).find("another name") !=
        std::string::npos);
}

TEST_CASE("the included MNIST images are 10,000 of 28 x 28 with a digit each") {
  const program::Images images = program::read_images(program::mnist("images-idx3-ubyte.gz"),
                                                      program::mnist("labels-idx1-ubyte.gz"));
  CHECK(images.size() == 10'000);
  CHECK(images.height == 28);
  CHECK(images.width == 28);
  std::vector<int> counts(10);
  for (const unroll::Index label : images.labels) ++counts.at(static_cast<std::size_t>(label));
  CHECK(counts == std::vector<int>{1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978});
}
