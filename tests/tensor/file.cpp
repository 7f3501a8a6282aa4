// Whole files: what is written is read, and a failure leaves what was there.
#include "scratch.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace unroll;

TEST_CASE("a written file is read back byte by byte and replaces the old one") {
  const Scratch scratch;
  Generator g(1);
  for (Index size : {0, 1, 100, 70'000}) {
    std::string bytes;
    for (Index i = 0; i < size; ++i) bytes += static_cast<char>(g.below(256));
    write_file(scratch / "a", bytes);
    CHECK(read_file(scratch / "a") == bytes);
  }
  CHECK(scratch.files() == 1);
}

TEST_CASE(
    "a file that cannot be written is named, the old one stays whole, and no litter is left") {
  const Scratch scratch;
  const std::string in_no_folder = scratch / "none/a";
  CHECK(message_of([&] { write_file(in_no_folder, "x"); }) ==
        in_no_folder + ": cannot be written: No such file or directory");
  std::filesystem::create_directory(scratch / "folder");
  CHECK(message_of([&] { write_file(scratch / "folder", "x"); }) ==
        (scratch / "folder") + ": cannot be written: Is a directory");
  CHECK(scratch.files() == 1);
  const std::string longer = scratch / std::string(256, 'n');
  check_says(message_of([&] { write_file(longer, "x"); }), "File name too long");
  CHECK(scratch.files() == 1);
}

TEST_CASE("the longest name that a file can have is written") {
  const Scratch scratch;
  const std::string path = scratch / std::string(255, 'n');
  for (const char* text : {"old", "new"}) {
    write_file(path, text);
    CHECK(read_file(path) == text);
  }
  CHECK(scratch.files() == 1);
}

TEST_CASE("a file that is replaced keeps its permissions") {
  const Scratch scratch;
  for (const mode_t mode : {0600, 0640, 0755}) {
    write_file(scratch / "a", "old");
    REQUIRE(::chmod((scratch / "a").c_str(), mode) == 0);
    write_file(scratch / "a", "new");
    struct stat info {};
    REQUIRE(::stat((scratch / "a").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == mode);
  }
}

TEST_CASE("writing through a symbolic link replaces the file it points to") {
  namespace fs = std::filesystem;
  const Scratch scratch;
  fs::create_directory(scratch / "folder");
  fs::create_symlink("folder/file", scratch / "near");    // there is no such file yet
  fs::create_symlink(scratch / "near", scratch / "far");  // a link to a link
  fs::create_symlink("round", scratch / "round");
  for (const char* text : {"one", "two"}) {
    write_file(scratch / "far", text);
    CHECK(read_file(scratch / "folder/file") == text);
    CHECK(fs::is_symlink(scratch / "near"));
    CHECK(fs::is_symlink(scratch / "far"));
  }
  CHECK(scratch.files() == 4);
  check_says(message_of([&] { write_file(scratch / "round", "x"); }), "round: cannot be written: ");
  CHECK(scratch.files() == 4);
}

TEST_CASE("one byte order mark is removed") {
  CHECK(without_mark("\xEF\xBB\xBFtext") == "text");
  CHECK(without_mark("\xEF\xBB\xBF\xEF\xBB\xBF") == "\xEF\xBB\xBF");
  CHECK(without_mark("\xEF\xBB") == "\xEF\xBB");
  CHECK(without_mark("").empty());
}

TEST_CASE("a device is written to and not replaced; a full one is an error") {
  struct stat info {};
  if (::stat("/dev/full", &info) != 0 || !S_ISCHR(info.st_mode)) return;
  CHECK(message_of([] { write_file("/dev/full", "x"); }) ==
        "/dev/full: cannot be written: No space left on device");
  write_file("/dev/null", "x");
  for (const char* device : {"/dev/full", "/dev/null"}) {
    CHECK(::stat(device, &info) == 0);
    CHECK(S_ISCHR(info.st_mode));
  }
}

TEST_CASE("a folder, a device and an idle pipe are refused at once") {
  const Scratch scratch;
  const std::string pipe = scratch / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(message_of([&] { read_file(pipe); }) == pipe + ": a regular file was required");
  CHECK(message_of([&] { read_file("/dev/zero"); }) == "/dev/zero: a regular file was required");
  check_says(message_of([&] { read_file(scratch / "."); }), "a regular file was required");
  CHECK(message_of([] { read_file(""); }) == ": cannot be opened: No such file or directory");
}

TEST_CASE("concurrent writers of one file leave one complete text") {
  const Scratch scratch;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i)
    writers.emplace_back([&, i] {
      for (int round = 0; round < 5; ++round)
        write_file(scratch / "a", std::string(50'000, static_cast<char>('a' + i)));
    });
  for (std::thread& t : writers) t.join();
  const std::string text = read_file(scratch / "a");
  CHECK(text == std::string(50'000, text.at(0)));
  CHECK(scratch.files() == 1);
}

TEST_CASE("a temporary file left by a killed writer is replaced and removed") {
  const Scratch scratch;
  std::string part;
  for (int round = 0; round < 3; ++round) {
    // A process that is killed in the middle of writing: its lock goes with it, its part stays.
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const rlimit most{1 << 20, 1 << 20};  // a larger file: SIGXFSZ, which ends the process
      ::setrlimit(RLIMIT_FSIZE, &most);
      ::signal(SIGXFSZ, SIG_DFL);
      try {
        write_file(scratch / "a", std::string(1 << 22, 'x'));
      } catch (...) {
      }
      ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(scratch.files() == (round == 0 ? 1 : 2));
    write_file(scratch / "a", "whole");
    CHECK(read_file(scratch / "a") == "whole");
    CHECK(scratch.files() == 1);
  }
}

TEST_CASE("check_writable throws for a path that cannot be written") {
  namespace fs = std::filesystem;
  const Scratch scratch;
  fs::create_directory(scratch / "folder");
  fs::create_symlink("absent/file", scratch / "dangling");
  fs::create_symlink("folder/file", scratch / "fine");  // not there yet, but can be
  fs::create_symlink("round", scratch / "round");
  write_file(scratch / "old", "text");
  const int before = scratch.files();
  const std::string long_name(300, 'n');
  for (const std::string& name :
       {std::string("folder"), std::string("dangling"), std::string("round"),
        std::string("absent/x"), std::string("old/x"), std::string("new/"), long_name}) {
    CAPTURE(name);
    const std::string refused = message_of([&] { check_writable(scratch / name); });
    check_says(refused, "cannot be written: ");
    CHECK(message_of([&] { write_file(scratch / name, "x"); }) == refused);
  }
  for (const char* name : {"old", "new", "fine"}) check_writable(scratch / name);
  CHECK(read_file(scratch / "old") == "text");
  CHECK(scratch.files() == before);
}
