// Whole files, read and written safely.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <string_view>

namespace unroll {

// The bytes of a file; throws std::runtime_error with the path and the system's reason.
std::string read_file(const std::string& path);
// Writes beside the file and then takes its place: after a crash there is the old file or the new
// one, never a part. A file that is replaced keeps its permissions; of a link, what it points to is
// replaced. A device or a pipe (/dev/stdout) is written to as it is.
void write_file(const std::string& path, std::string_view bytes);

// How many bytes of a text are valid UTF-8, from its beginning: all of them, or up to the first that
// belongs to no whole character.
std::size_t valid_utf8(std::string_view text);
// Throws what write_file would throw for a path that cannot be written; changes nothing. For work
// that takes long, before it begins.
void check_writable(const std::string& path);

// A text without the byte order mark that some programs put first.
std::string_view without_mark(std::string_view text);

}  // namespace unroll
