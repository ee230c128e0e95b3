#include "tests/support/child_process.hpp"

#include <filesystem>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace larder_tests;

TEST_CASE("ChildProcess: writes what it says to its log, and tells its exit code") {
  const TemporaryFolder folder;
  ChildProcess process({"sh", "-c", "echo out; echo error >&2; exit 3"}, folder.path("log"));
  CHECK(process.wait() == 3);
  CHECK(contents_of(folder.path("log")) == "out\nerror\n");
}

TEST_CASE("ChildProcess: a program that is not there is an error") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(ChildProcess({"no-such-program-of-larder"}, folder.path("log")), std::system_error);
}

TEST_CASE("ChildProcess: ends with its object") {
  const TemporaryFolder folder;
  pid_t pid = 0;
  {
    ChildProcess process({"sleep", "100"}, folder.path("log"));
    pid = process.pid();
    CHECK(process.is_running());
    process.stop();
    process.stop();
    CHECK(process.is_running());
  }
  CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("ChildProcess: outlives the thread that started it") {
  const TemporaryFolder folder;
  ChildProcess process;
  std::thread([&] { process = ChildProcess({"sleep", "100"}, folder.path("log")); }).join();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(process.is_running());
  process.kill(SIGTERM);
  CHECK(process.wait() == 128 + SIGTERM);
  CHECK_FALSE(process.is_running());
}

TEST_CASE("run_program: a failure comes with what the program wrote") {
  const TemporaryFolder folder;
  CHECK(contains(message_of<std::runtime_error>([&] {
                   run_program({"sh", "-c", "echo alas; false"}, folder.path("log"));
                 }),
                 "alas"));
}

TEST_CASE("TemporaryFolder: goes away with what is in it") {
  std::string path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    std::ofstream(folder.path("file")) << "text";
    CHECK(contents_of(path + "/file") == "text");
  }
  CHECK_FALSE(std::filesystem::exists(path));
}
