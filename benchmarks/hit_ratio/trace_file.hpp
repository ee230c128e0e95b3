/// \file trace_file.hpp
/// TraceFile: the bytes of a trace's file, decompressed by the program that its name asks for.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>
#include <memory>
#include <streambuf>
#include <string>
#include <string_view>
#include <system_error>

#include "text.hpp"
#include "trace.hpp"
#include "trace_format.hpp"

extern "C" char** environ;

namespace larder::replay {

namespace detail {

/// What another program writes to its standard output.
class ProgramOutput : public std::streambuf {
 public:
  /// Runs `program -dc`, which reads the file as its standard input: so no name is taken for an option, and none goes
  /// through a shell. \throws TraceError.
  ProgramOutput(const std::string& program, const std::string& file) : program_(program), file_(file) {
    const int input = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (input < 0) fail("cannot read " + plain_text(file) + ": " + std::strerror(errno));
    int ends[2] = {-1, -1};
    const int error = ::pipe2(ends, O_CLOEXEC) != 0 ? errno : spawn(input, ends[1]);
    ::close(input);
    if (ends[1] >= 0) ::close(ends[1]);
    output_ = ends[0];
    if (error == 0) return;
    if (output_ >= 0) ::close(output_);
    fail("cannot decompress " + plain_text(file) + " with " + program + ": " + std::strerror(error) +
         (error == ENOENT ? " (is it installed?)" : ""));
  }
  ProgramOutput(const ProgramOutput&) = delete;
  ProgramOutput& operator=(const ProgramOutput&) = delete;
  ~ProgramOutput() override {
    ::close(output_);  // a program that is still writing ends of it
    wait();
  }

  /// To be called when all was read. \throws TraceError if the program has failed.
  void check_end() {
    if (const int status = wait(); status != 0) {
      fail("cannot decompress " + plain_text(file_) + ": " + program_ + " has failed");
    }
  }

 protected:
  int_type underflow() override {
    ssize_t count = 0;
    do count = ::read(output_, block_.data(), block_.size());
    while (count < 0 && errno == EINTR);
    if (count <= 0) return traits_type::eof();
    setg(block_.data(), block_.data(), block_.data() + count);
    return traits_type::to_int_type(block_[0]);
  }

 private:
  [[noreturn]] static void fail(const std::string& what) { throw TraceError(what); }

  /// Result: an error number.
  int spawn(int input, int output) {
    posix_spawn_file_actions_t actions;
    if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0) return error;
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    std::string options = "-dc";
    const std::array<char*, 3> arguments{program_.data(), options.data(), nullptr};
    const int error = ::posix_spawnp(&process_, program_.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return error;
  }

  /// Result: how the program ended, 0 if it is well.
  int wait() noexcept {
    if (process_ <= 0) return status_;
    while (::waitpid(process_, &status_, 0) < 0 && errno == EINTR) continue;
    process_ = 0;
    return status_;
  }

  std::string program_;
  std::string file_;
  std::array<char, 1 << 16> block_{};
  ::pid_t process_ = 0;
  int status_ = 0;
  int output_ = -1;
};

}  // namespace detail

class TraceFile {
 public:
  /// \throws TraceError.
  explicit TraceFile(const std::string& file) {
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) {
      throw TraceError("cannot read " + plain_text(file) + ": it is a folder");
    }
    if (const std::string_view program = decompressor_of(file); !program.empty()) {
      output_ = std::make_unique<detail::ProgramOutput>(std::string(program), file);
      stream_.rdbuf(output_.get());
      return;
    }
    errno = 0;
    if (plain_.open(file, std::ios::in | std::ios::binary) == nullptr) {
      throw TraceError("cannot read " + plain_text(file) +
                       (errno == 0 ? "" : std::string(": ") + std::strerror(errno)));
    }
    stream_.rdbuf(&plain_);
    const auto size = std::filesystem::file_size(file, error);  // unknown of a pipe, say
    if (!error) size_ = size;
  }

  std::istream& stream() noexcept { return stream_; }

  /// How many bytes the stream has; 0 if that is not known.
  std::uint64_t size() const noexcept { return size_; }

  /// To be called when the stream was read to its end. \throws TraceError if that was not all of the trace.
  void check_end() {
    if (output_ != nullptr) output_->check_end();
  }

 private:
  std::filebuf plain_;
  std::unique_ptr<detail::ProgramOutput> output_;
  std::istream stream_{nullptr};
  std::uint64_t size_ = 0;
};

}  // namespace larder::replay
