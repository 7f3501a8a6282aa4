#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>

namespace unroll {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

void write_all(const std::string& path, int fd, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t put = ::write(fd, bytes.data() + at, bytes.size() - at);
    if (put < 0 && errno == EINTR) continue;
    check_io(put > 0, "{}: cannot be written: {}", path, std::strerror(errno));
    at += static_cast<std::size_t>(put);
  }
}

// What a path means once links are followed; it may be a file that is not there yet.
std::string behind_links(const std::string& path) {
  constexpr int kMost = 40;  // as many as Linux follows
  std::filesystem::path at = path;
  std::error_code none;
  for (int i = 0; i < kMost && std::filesystem::is_symlink(at, none); ++i) {
    const std::filesystem::path target = std::filesystem::read_symlink(at, none);
    if (none) break;
    at = at.parent_path() / target;  // target alone, where it is absolute
  }
  return at.string();
}

}  // namespace

std::string read_file(const std::string& path) {
  // Without O_NONBLOCK the opening of a pipe that nobody writes to would wait for ever.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  check_io(file.fd >= 0, "{}: cannot be opened: {}", path, std::strerror(errno));
  struct stat info {};
  check_io(::fstat(file.fd, &info) == 0 && S_ISREG(info.st_mode), "{}: a regular file was required",
           path);
  std::string bytes;
  try {
    bytes.resize(static_cast<std::size_t>(info.st_size));
  } catch (const std::exception&) {  // bad_alloc or length_error
    fail_io("{}: a file that fits memory was required: got {} bytes", path, info.st_size);
  }
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t got = ::read(file.fd, bytes.data() + at, bytes.size() - at);
    if (got < 0 && errno == EINTR) continue;
    check_io(got >= 0, "{}: cannot be read: {}", path, std::strerror(errno));
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  bytes.resize(at);
  return bytes;
}

void write_file(const std::string& path, std::string_view bytes) {
  struct stat info {};
  const bool there = ::stat(path.c_str(), &info) == 0;
  check_io(there || errno == ENOENT, "{}: cannot be written: {}", path, std::strerror(errno));
  if (there && !S_ISREG(info.st_mode)) {
    // A device or a pipe is written to: nothing may take its place.
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    check_io(file.fd >= 0, "{}: cannot be written: {}", path, std::strerror(errno));
    return write_all(path, file.fd, bytes);
  }
  static std::atomic<unsigned> count{0};  // two threads may save to one path
  const std::string target = behind_links(path);
  // A short name, since that of the file may be as long as one can be.
  const std::string folder = target.substr(0, target.rfind('/') + 1),
                    part = fmt::format("{}.{}.{}.part", folder, ::getpid(), count++);
  const mode_t mode = there ? info.st_mode & 07777 : 0644;
  const Descriptor file{::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777)};
  check_io(file.fd >= 0, "{}: cannot be written: {}", path, std::strerror(errno));
  try {
    check_io(!there || ::fchmod(file.fd, mode) == 0, "{}: cannot be written: {}", path,
             std::strerror(errno));
    write_all(path, file.fd, bytes);
    check_io(::fsync(file.fd) == 0, "{}: cannot be written: {}", path, std::strerror(errno));
    check_io(std::rename(part.c_str(), target.c_str()) == 0, "{}: cannot be replaced: {}", path,
             std::strerror(errno));
  } catch (...) {
    ::unlink(part.c_str());
    throw;
  }
}

std::size_t valid_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte(at);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : (first & 0xF0) == 0xE0        ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || length > text.size() - at) return at;
    for (std::size_t i = 1; i < length; ++i)
      if ((byte(at + i) & 0xC0) != 0x80) return at;
    if (length > 2) {
      const unsigned second = byte(at + 1);
      const bool longer_than_needed = second < (first == 0xE0 ? 0xA0U : first == 0xF0 ? 0x90U : 0U);
      const bool surrogate = first == 0xED && second >= 0xA0;
      const bool beyond_unicode = first == 0xF4 && second >= 0x90;
      if (longer_than_needed || surrogate || beyond_unicode) return at;
    }
    at += length;
  }
  return text.size();
}

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.substr(text.substr(0, kMark.size()) == kMark ? kMark.size() : 0);
}

}  // namespace unroll
