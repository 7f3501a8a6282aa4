// Small files of scanned images: a bar that lies (0) or stands (1).
#pragma once

#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

#include <string>
#include <vector>

inline std::string idx_file(const std::vector<unsigned>& sizes, const std::string& values) {
  std::string out{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const unsigned size : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 255);
  return out + values;
}

// Writes n images of 8 x 8 pixels and their labels; returns the path of the images.
inline std::string write_scans(const Folder& folder, unsigned n,
                               const std::string& name = "small") {
  unroll::Generator random(3);
  std::string pixels, labels;
  for (unsigned i = 0; i < n; ++i) {
    const bool stands = i % 2 == 1;
    const unroll::Index at = 2 + random.below(4);
    for (unroll::Index y = 0; y < 8; ++y)
      for (unroll::Index x = 0; x < 8; ++x)
        pixels += static_cast<char>((stands ? x : y) == at ? 200 + random.below(50) : 0);
    labels += static_cast<char>(i % 2);
  }
  folder.write(name + "-labels-idx1-ubyte", idx_file({n}, labels));
  return folder.write(name + "-images-idx3-ubyte", idx_file({n, 8, 8}, pixels));
}
