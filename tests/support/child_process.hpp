/// \file child_process.hpp
/// ChildProcess: a program that runs beside the tests, and never longer than they do.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/sockets.hpp"

namespace larder_tests {

inline std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The path of a program on the PATH; empty if it is not there.
inline std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = path != nullptr ? path : "/usr/bin:/bin";
  folders += ':';
  for (std::size_t begin = 0, end; (end = folders.find(':', begin)) != std::string::npos; begin = end + 1) {
    const std::string candidate = folders.substr(begin, end - begin) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

namespace detail {

/// Starts programs from one thread that lives as long as the process: Linux ends a child that asks to die with its
/// parent as soon as the thread that made it ends.
class ProcessStarter {
 public:
  static ProcessStarter& instance() {
    static auto* starter = new ProcessStarter;  // never destroyed: its thread waits on it
    return *starter;
  }

  /// Throws std::system_error if the program cannot be run.
  pid_t start(const std::vector<std::string>& arguments, const std::string& log) {
    const std::lock_guard one_at_a_time(turn_);
    std::unique_lock lock(mutex_);
    arguments_.clear();
    for (const auto& argument : arguments) arguments_.push_back(const_cast<char*>(argument.c_str()));
    arguments_.push_back(nullptr);
    log_ = log.c_str();
    requested_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !requested_; });
    if (error_ != 0) throw std::system_error(error_, std::generic_category(), "cannot run " + arguments.front());
    return started_;
  }

 private:
  ProcessStarter() {
    std::thread([this] { serve(); }).detach();
  }

  [[noreturn]] void serve() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the tests' own signals go to the tests' own threads
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return requested_; });
      fork_and_execute();
      requested_ = false;
      changed_.notify_all();
    }
  }

  void fork_and_execute() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      error_ = errno;
      return;
    }
    const FileDescriptor failure(ends[0]);
    FileDescriptor failing(ends[1]);
    const pid_t parent = ::getpid();
    started_ = ::fork();
    if (started_ == 0) execute(failing.get(), parent);
    error_ = started_ < 0 ? errno : 0;
    failing.close();
    if (started_ > 0 && ::read(failure.get(), &error_, sizeof error_) > 0) ::waitpid(started_, nullptr, 0);
  }

  /// In the child, where only what is safe in a signal handler may be called.
  [[noreturn]] void execute(int failing, pid_t parent) {
    const int output = ::open(log_, O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int input = ::open("/dev/null", O_RDONLY);
    // A client's socket that lived on in here would hide that the client has closed it.
    for (int descriptor = 3; descriptor < 1024; ++descriptor) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
#if defined(__linux__)
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
#else
    static_cast<void>(parent);
#endif
    if (output >= 0 && input >= 0 && ::dup2(input, 0) == 0 && ::dup2(output, 1) == 1 && ::dup2(output, 2) == 2) {
      ::execvp(arguments_.front(), arguments_.data());
    }
    const int error = errno;
    static_cast<void>(!::write(failing, &error, sizeof error));
    ::_exit(127);
  }

  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool requested_ = false;
  std::vector<char*> arguments_;
  const char* log_ = nullptr;
  pid_t started_ = -1;
  int error_ = 0;
};

}  // namespace detail

/// A running program; SIGKILL ends it in the destructor, and (on Linux) when the tests end in any other way. Not for
/// several threads at once.
class ChildProcess {
 public:
  ChildProcess() = default;
  /// Runs `arguments`, the first of which is looked up on the PATH; what it writes is appended to the file `log`.
  /// Throws std::system_error if it cannot be run.
  ChildProcess(const std::vector<std::string>& arguments, const std::string& log)
      : pid_(detail::ProcessStarter::instance().start(arguments, log)) {}
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_), stopped_(other.stopped_) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    if (this == &other) return *this;
    terminate();
    pid_ = std::exchange(other.pid_, -1);
    exit_code_ = other.exit_code_;
    stopped_ = other.stopped_;
    return *this;
  }
  ~ChildProcess() { terminate(); }

  pid_t pid() const noexcept { return pid_; }

  bool is_running() {
    reap(WNOHANG);
    return pid_ > 0;
  }
  /// Does nothing if it has ended.
  void kill(int signal) {
    if (is_running()) ::kill(pid_, signal);
  }
  /// On return, it has stopped: until `resume`, it does not answer, but its connections stay.
  void stop() {
    kill(SIGSTOP);
    // The system tells only once that it has stopped.
    if (!std::exchange(stopped_, true)) reap(WUNTRACED);
  }
  void resume() {
    stopped_ = false;
    kill(SIGCONT);
  }
  /// On return, it is no more.
  void terminate() {
    kill(SIGKILL);
    wait();
  }
  /// Waits until it has ended. The exit code, or 128 and the number of the signal that ended it; -1 if none was
  /// started.
  int wait() {
    reap(0);
    return exit_code_;
  }

 private:
  void reap(int options) {
    if (pid_ <= 0) return;
    int status = 0;
    pid_t ended;
    do {
      ended = ::waitpid(pid_, &status, options);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0 || (ended > 0 && WIFSTOPPED(status))) return;
    if (ended > 0) exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pid_ = -1;
  }

  pid_t pid_ = -1;
  int exit_code_ = -1;
  bool stopped_ = false;
};

/// Runs a program to its end. Throws std::runtime_error with its output if it fails.
inline void run_program(const std::vector<std::string>& arguments, const std::string& log) {
  ChildProcess process(arguments, log);
  if (process.wait() != 0) throw std::runtime_error(arguments.front() + " failed:\n" + contents_of(log));
}

}  // namespace larder_tests
