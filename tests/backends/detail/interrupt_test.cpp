#include <larder/backends/detail/interrupt.hpp>

#include <chrono>
#include <string>
#include <thread>

#include <larder/backends/detail/socket.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/sockets.hpp"

using namespace larder_tests;
using namespace std::chrono_literals;
using larder::detail::Deadline;
using larder::detail::Interrupt;
using larder::detail::Socket;

TEST_CASE("Interrupt: once raised, it stays so") {
  Interrupt interrupt;
  CHECK_FALSE(interrupt.is_raised());
  for (int i = 0; i < 70'000; ++i) interrupt.raise();
  CHECK(interrupt.is_raised());
  CHECK(interrupt.is_raised());
}

TEST_CASE("Interrupt: ends a wait for a server that says nothing", "[threads]") {
  const FileDescriptor listener = listen_on_loopback();
  Interrupt interrupt;
  const Deadline deadline = Deadline::in(1min).interrupted_by(interrupt.descriptor());
  Socket socket = Socket::connect({.host = "127.0.0.1", .port = port_of(listener)}, deadline, 1min);
  std::thread raising([&interrupt] {
    std::this_thread::sleep_for(20ms);
    interrupt.raise();
  });
  char buffer[16];
  CHECK(contains(message_of<larder::ConnectionError>([&] { socket.receive(buffer, deadline); }), "interrupted"));
  raising.join();
  CHECK_FALSE(deadline.has_passed());
  CHECK_THROWS_AS(socket.receive(buffer, Deadline::in(20ms)), larder::TimeoutError);
}

TEST_CASE("Interrupt: a deadline that is made sooner can still be interrupted") {
  Interrupt interrupt;
  const Deadline deadline = Deadline::in(1min).interrupted_by(interrupt.descriptor());
  CHECK(deadline.at_most(1s).interrupt() == interrupt.descriptor());
  CHECK(deadline.at_most(1s).timeout() == 1s);
  CHECK(deadline.at_most(1h).interrupt() == interrupt.descriptor());
  CHECK(deadline.at_most(1h).timeout() == 1min);
  CHECK(Deadline::in(1s).interrupt() < 0);
}

TEST_CASE("Interrupt: ends the resolution of a name", "[threads]") {
  Interrupt interrupt;
  interrupt.raise();
  // Which may be as fast as the first look at the interrupt, but not again and again.
  bool was_interrupted = false;
  for (int i = 0; i < 1000 && !was_interrupted; ++i) {
    try {
      larder::detail::addresses_of({.host = "larder.invalid", .port = 1},
                                   Deadline::in(1min).interrupted_by(interrupt.descriptor()));
    } catch (const larder::ConnectionError& error) {
      was_interrupted = contains(error.what(), "interrupted");
    }
  }
  CHECK(was_interrupted);
}
