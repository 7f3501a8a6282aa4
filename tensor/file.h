// Reads and writes whole files.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <string_view>

namespace unroll {

// The contents of a file. Throws std::runtime_error with the path and the system's error.
std::string read_file(const std::string& path);
// Writes atomically: to a temporary file that then replaces the target, so that after a crash
// either the old or the new file exists in full. A replaced file keeps its permissions; for a
// symbolic link, the file it points to is replaced. Devices and pipes (/dev/stdout) are written
// directly. Throws std::runtime_error with the path and the system's error.
void write_file(const std::string& path, std::string_view bytes);
// Throws the error that write_file would throw if the path cannot be written; changes nothing. Call
// it before long work whose result goes there.
void check_writable(const std::string& path);

// The length in bytes of the longest prefix of a text that is valid UTF-8.
std::size_t valid_utf8(std::string_view text);
// The text without a leading UTF-8 byte order mark.
std::string_view without_mark(std::string_view text);

}  // namespace unroll
