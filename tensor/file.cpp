#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <utility>

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

// Follows symbolic links. The result may be a file that does not exist yet.
std::string behind_links(const std::string& path) {
  constexpr int kMaxLinks = 40;  // the limit of Linux
  std::filesystem::path at = path;
  std::error_code none;
  for (int i = 0; i < kMaxLinks && std::filesystem::is_symlink(at, none); ++i) {
    const std::filesystem::path target = std::filesystem::read_symlink(at, none);
    if (none) break;
    at = at.parent_path() / target;  // if target is absolute, this is target alone
  }
  return at.string();
}

// Where write_file writes the bytes for a path.
struct Target {
  bool there, in_place = false;
  mode_t mode = 0644;
  std::string file, part;  // after following links; the temporary file next to it

  explicit Target(const std::string& path) {
    struct stat info {};
    there = ::stat(path.c_str(), &info) == 0;
    check_io(there || errno == ENOENT, "{}: cannot be written: {}", path, std::strerror(errno));
    in_place = there && !S_ISREG(info.st_mode);
    if (there) mode = info.st_mode & 07777;
    file = behind_links(path);
    check_io(!file.empty() && file.back() != '/', "{}: cannot be written: {}", path,
             std::strerror(file.empty() ? ENOENT : EISDIR));
    // Always the same name, so that the next process finds the file left by a killed one. Short,
    // because the name of the file itself may already have the maximal length.
    const std::size_t name = file.rfind('/') + 1;
    part = fmt::format("{}.{:016x}.part", file.substr(0, name),
                       std::hash<std::string>{}(file.substr(name)));
  }

  // Opens a new temporary file and locks it. A writer holds the lock until the file has been
  // renamed; an unlocked one was left by a killed process and is removed.
  int create_part(const std::string& path) const {
    for (;;) {
      Descriptor made{::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777)};
      if (made.fd >= 0) {
        if (::flock(made.fd, LOCK_EX) == 0 && !is_at_path(made.fd)) continue;
        return std::exchange(made.fd, -1);
      }
      check_io(errno == EEXIST, "{}: cannot be written: {}", path, std::strerror(errno));
      const Descriptor other{::open(part.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
      if (other.fd < 0 && errno == ENOENT) continue;  // it has just been renamed
      check_io(other.fd >= 0, "{}: cannot be written: {} is in the way: {}", path, part,
               std::strerror(errno));
      while (::flock(other.fd, LOCK_EX) != 0 && errno == EINTR) {
      }
      if (!is_at_path(other.fd)) continue;
      const bool removed = ::unlink(part.c_str()) == 0;
      check_io(removed, "{}: cannot be written: {} is in the way: {}", path, part,
               std::strerror(errno));
    }
  }

 private:
  bool is_at_path(int fd) const {
    struct stat mine {
    }, there_now{};
    return ::fstat(fd, &mine) == 0 && ::lstat(part.c_str(), &there_now) == 0 &&
           mine.st_ino == there_now.st_ino && mine.st_dev == there_now.st_dev;
  }
};

}  // namespace

std::string read_file(const std::string& path) {
  // Without O_NONBLOCK, opening a pipe without a writer would block.
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
  const Target target(path);
  if (target.in_place) {  // a device or pipe is written in place, never replaced
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    check_io(file.fd >= 0, "{}: cannot be written: {}", path, std::strerror(errno));
    return write_all(path, file.fd, bytes);
  }
  const Descriptor file{target.create_part(path)};
  const std::string& part = target.part;
  try {
    // Each call before check_io: in one expression errno could be read first.
    const bool allowed = !target.there || ::fchmod(file.fd, target.mode) == 0;
    check_io(allowed, "{}: cannot be written: {}", path, std::strerror(errno));
    write_all(path, file.fd, bytes);
    const bool flushed = ::fsync(file.fd) == 0;
    check_io(flushed, "{}: cannot be written: {}", path, std::strerror(errno));
    const bool replaced = std::rename(part.c_str(), target.file.c_str()) == 0;
    check_io(replaced, "{}: cannot be replaced: {}", path, std::strerror(errno));
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

void check_writable(const std::string& path) {
  const Target target(path);
  if (target.in_place) {
    const bool writable = ::access(path.c_str(), W_OK) == 0;
    check_io(writable, "{}: cannot be written: {}", path, std::strerror(errno));
    struct stat info {};
    check_io(::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode),
             "{}: cannot be written: {}", path, std::strerror(EISDIR));
    return;
  }
  const Descriptor file{target.create_part(path)};
  ::unlink(target.part.c_str());
}

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.substr(text.substr(0, kMark.size()) == kMark ? kMark.size() : 0);
}

}  // namespace unroll
