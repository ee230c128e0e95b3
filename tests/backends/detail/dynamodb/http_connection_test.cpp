/// \file http_connection_test.cpp
#include <larder/backends/detail/dynamodb/http_connection.hpp>

#include <signal.h>

#include <atomic>

#include "tests/support/catch.hpp"

namespace {

using larder::detail::SigpipeGuard;

std::atomic<int> pipes_seen{0};

TEST_CASE("SigpipeGuard: a SIGPIPE of ours is nobody's, one that was there before stays", "[http_connection]") {
  struct sigaction before {};
  struct sigaction counting {};
  counting.sa_handler = [](int) { ++pipes_seen; };
  REQUIRE(::sigaction(SIGPIPE, &counting, &before) == 0);
  {
    const SigpipeGuard guard;
    ::raise(SIGPIPE);
  }
  CHECK(pipes_seen == 0);
  ::raise(SIGPIPE);
  CHECK(pipes_seen == 1);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  ::raise(SIGPIPE);
  { const SigpipeGuard guard; }
  CHECK(pipes_seen == 1);
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  CHECK(pipes_seen == 2);
  ::sigaction(SIGPIPE, &before, nullptr);
}

}  // namespace
