/// \file scripted_server.hpp
/// ScriptedServer: says what a test wants said, however wrong, slow or broken off.
#pragma once

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/buffered_socket.hpp"

namespace larder_tests {

/// Listens on a free port of the loopback interface, and runs a script for each connection, in a thread of its own.
/// The destructor breaks off all of them. Thread-safe.
class ScriptedServer {
 public:
  class Connection;
  /// When it returns, its connection is closed.
  using Script = std::function<void(Connection&)>;
  using Command = std::vector<std::string>;

  explicit ScriptedServer(Script script)
      : script_(std::move(script)),
        listener_(listen_on_loopback()),
        port_(port_of(listener_)),
        accepting_([this] { accept_all(); }) {}
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  inline ~ScriptedServer();

  std::string host() const { return "127.0.0.1"; }
  std::uint16_t port() const noexcept { return port_; }

  /// How many were accepted so far.
  std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  /// All that were read so far, on whichever connection.
  std::vector<Command> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  /// What scripts threw, for example since a client's command was malformed: empty, if a test went as it should.
  std::vector<std::string> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

 private:
  struct Session;

  inline void accept_all();
  inline void run(Connection& connection);

  const Script script_;
  FileDescriptor listener_;
  const std::uint16_t port_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::size_t accepted_ = 0;
  std::vector<Command> commands_;
  std::vector<std::string> failures_;
  std::list<Session> sessions_;
  std::thread accepting_;  // last, since it uses the others
};

/// What a script has of its connection. Unless it says otherwise, every function throws ConnectionEnded, which a
/// script lets pass, when the peer has gone, `close` or `reset` was called, or the server is being destroyed.
class ScriptedServer::Connection {
 public:
  Connection(ScriptedServer& server, FileDescriptor socket, std::size_t number)
      : server_(server), socket_(std::move(socket)), number_(number) {}

  /// 1 for the first that the server accepted.
  std::size_t number() const noexcept { return number_; }

  /// A RESP command: an array of bulk strings.
  Command read_command() {
    Command command;
    for (std::size_t left = read_count('*'); left > 0; --left) {
      const std::size_t size = read_count('$');
      command.push_back(socket_.take(size));
      if (socket_.take(2) != "\r\n") throw std::runtime_error("no CRLF behind a bulk string");
    }
    const std::lock_guard lock(server_.mutex_);
    server_.commands_.push_back(command);
    return command;
  }
  /// Without its CRLF.
  std::string read_line() { return socket_.read_line(); }
  std::string read_bytes(std::size_t size) { return socket_.take(size); }

  void send(std::string_view bytes) { socket_.send(bytes); }
  /// `step` bytes, then a pause of `every`, and so on.
  void drip(std::string_view bytes, std::chrono::milliseconds every, std::size_t step = 1) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
      send(bytes.substr(0, step));
      pause(every);
    }
  }
  /// Again and again, until the peer has gone.
  [[noreturn]] void send_forever(std::string_view bytes) {
    while (true) send(bytes);
  }
  void pause(std::chrono::milliseconds duration) {
    std::unique_lock lock(server_.mutex_);
    if (server_.stopped_.wait_for(lock, duration, [this] { return server_.stopping_; })) {
      throw ConnectionEnded("the server ends");
    }
  }
  /// Reads, and forgets, what comes, until the peer has gone. Does not throw.
  void wait_closed() {
    try {
      while (true) {
        socket_.read_more();
        socket_.forget();
      }
    } catch (const ConnectionEnded&) {
    }
  }
  void close() {
    const std::lock_guard lock(closing_);
    socket_.descriptor().close();
  }
  /// The peer sees an error (ECONNRESET) instead of an end.
  void reset() {
    const std::lock_guard lock(closing_);
    close_with_reset(socket_.descriptor());
  }

 private:
  friend ScriptedServer;

  std::size_t read_count(char kind) {
    const std::string line = socket_.read_line();
    const bool digits = line.size() > 1 && line.find_first_not_of("0123456789", 1) == std::string::npos;
    if (!digits || line.front() != kind) throw std::runtime_error("not a command: " + line);
    return std::stoull(line.substr(1));
  }
  /// From another thread: ends what the script waits for.
  void shut_down() {
    const std::lock_guard lock(closing_);
    if (socket_.descriptor().is_open()) ::shutdown(socket_.descriptor().get(), SHUT_RDWR);
  }

  ScriptedServer& server_;
  BufferedSocket socket_;
  const std::size_t number_;
  std::mutex closing_;
};

struct ScriptedServer::Session {
  Session(ScriptedServer& server, FileDescriptor socket, std::size_t number)
      : connection(server, std::move(socket), number), thread([this, &server] { server.run(connection); }) {}

  Connection connection;
  std::thread thread;
};

inline ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  ::shutdown(listener_.get(), SHUT_RDWR);
  accepting_.join();
  for (auto& session : sessions_) session.connection.shut_down();
  for (auto& session : sessions_) session.thread.join();
}

inline void ScriptedServer::accept_all() {
  while (true) {
    FileDescriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (socket.is_open()) sessions_.emplace_back(*this, std::move(socket), ++accepted_);
  }
}

inline void ScriptedServer::run(Connection& connection) {
  try {
    script_(connection);
  } catch (const ConnectionEnded&) {
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(error.what());
  }
  connection.close();
}

/// A script that answers Redis's commands: each that is named (in upper case) with these bytes, PING with PONG, and
/// any other with OK.
inline ScriptedServer::Script answer_commands(std::map<std::string, std::string> answers) {
  answers.try_emplace("PING", "+PONG\r\n");
  return [answers = std::move(answers)](ScriptedServer::Connection& connection) {
    while (true) {
      const auto command = connection.read_command();
      std::string name = command.empty() ? "" : command.front();
      for (char& letter : name) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
      const auto answer = answers.find(name);
      connection.send(answer != answers.end() ? answer->second : "+OK\r\n");
    }
  };
}

}  // namespace larder_tests
