#include "examples/common/idx_file.h"

#include "examples/common/text_file.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <utility>

namespace program {
namespace {

using unroll::check_io;

constexpr std::size_t kMagic = 4, kAxis = 4;  // bytes
constexpr std::uint8_t kUnsignedByte = 0x08;
constexpr double kMaxValues = 1 << 30;

std::uint8_t byte_at(const std::string& bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

Index size_at(const std::string& bytes, std::size_t begin) {
  Index out = 0;
  for (std::size_t i = begin; i < begin + kAxis; ++i) out = out * 256 + byte_at(bytes, i);
  return out;
}

}  // namespace

IdxArray read_idx(const std::string& path, Index axes) {
  std::string bytes = unroll::read_file(path);
  check_io(!bytes.empty(), "{}: an IDX file was required: got an empty file", path);
  if (bytes.substr(0, 2) == "\x1F\x8B") bytes = gunzip(bytes, path);
  const std::size_t header = kMagic + kAxis * static_cast<std::size_t>(axes);
  check_io(bytes.size() >= kMagic && bytes[0] == 0 && bytes[1] == 0,
           "{}: an IDX file, which begins with two zero bytes, was required: got another file",
           path);
  check_io(byte_at(bytes, 2) == kUnsignedByte,
           "{}: an IDX file of unsigned bytes (type 8) was required: got type {}", path,
           byte_at(bytes, 2));
  check_io(byte_at(bytes, 3) == axes, "{}: an IDX file with {} {} ({}) was required: got {}", path,
           axes, axes == 1 ? "axis" : "axes", axes == 1 ? "labels" : "images", byte_at(bytes, 3));
  check_io(bytes.size() >= header, "{}: an IDX header of {} bytes was required: got {} bytes", path,
           header, bytes.size());
  IdxArray out;
  double values = 1;
  for (Index axis = 0; axis < axes; ++axis) {
    out.sizes.push_back(size_at(bytes, kMagic + kAxis * static_cast<std::size_t>(axis)));
    values *= static_cast<double>(out.sizes.back());
  }
  check_io(values <= kMaxValues && static_cast<std::size_t>(values) == bytes.size() - header,
           "{}: {:.0f} values were required, as its header states: got {}", path, values,
           bytes.size() - header);
  out.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end());
  return out;
}

Images Images::part(Index begin, Index end) const {
  const Index one = height * width;
  Images out{height, width, {pixels.begin() + begin * one, pixels.begin() + end * one}, {}};
  if (!labels.empty()) out.labels.assign(labels.begin() + begin, labels.begin() + end);
  return out;
}

Images read_images(const std::string& path) {
  IdxArray array = read_idx(path, 3);
  check_io(!array.values.empty(),
           "{}: at least one image of one pixel was required: got {} of {} x {}", path,
           array.sizes[0], array.sizes[1], array.sizes[2]);
  return {array.sizes[1], array.sizes[2], std::move(array.values), {}};
}

Images read_images(const std::string& path, const std::string& labels) {
  Images out = read_images(path);
  const IdxArray array = read_idx(labels, 1);
  check_io(array.sizes[0] == out.size(),
           "{}: a label for each of the {} images was required: got {}", labels, out.size(),
           array.sizes[0]);
  out.labels.assign(array.values.begin(), array.values.end());
  return out;
}

std::string labels_beside(const std::string& images) {
  const std::string of_images = "images-idx3", of_labels = "labels-idx1";
  const std::size_t slash = images.rfind('/'), at = images.rfind(of_images);
  unroll::check(at != std::string::npos && (slash == std::string::npos || at > slash),
                "{}: a file whose name contains \"{}\" was required, beside it one of labels with "
                "\"{}\": got another name",
                images, of_images, of_labels);
  return images.substr(0, at) + of_labels + images.substr(at + of_images.size());
}

std::string mnist(const std::string& name) { return UNROLL_SOURCE_DIR "/data/mnist/" + name; }

}  // namespace program
