#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace unroll {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::string read_file(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  check_io(file.fd >= 0, "{}: cannot be opened: {}", path, std::strerror(errno));
  struct stat info {};
  check_io(::fstat(file.fd, &info) == 0 && S_ISREG(info.st_mode), "{}: a regular file was required",
           path);
  std::string bytes;
  bytes.resize(static_cast<std::size_t>(info.st_size));
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
  const std::string part = fmt::format("{}.{}.part", path, ::getpid());
  try {
    const Descriptor file{::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    check_io(file.fd >= 0, "{}: cannot be written: {}", path, std::strerror(errno));
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t put = ::write(file.fd, bytes.data() + at, bytes.size() - at);
      if (put < 0 && errno == EINTR) continue;
      check_io(put > 0, "{}: cannot be written: {}", path, std::strerror(errno));
      at += static_cast<std::size_t>(put);
    }
    check_io(::fsync(file.fd) == 0, "{}: cannot be written: {}", path, std::strerror(errno));
    check_io(std::rename(part.c_str(), path.c_str()) == 0, "{}: cannot be replaced: {}", path,
             std::strerror(errno));
  } catch (...) {
    ::unlink(part.c_str());
    throw;
  }
}

}  // namespace unroll
