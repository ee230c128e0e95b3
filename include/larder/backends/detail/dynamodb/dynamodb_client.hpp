/// \file dynamodb_client.hpp
/// DynamoDbClient: requests to DynamoDB and their replies, sent again where the server is too busy.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include <larder/backends/detail/connection_pool.hpp>
#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/detail/dynamodb/dynamodb_reply.hpp>
#include <larder/backends/detail/dynamodb/http_connection.hpp>
#include <larder/backends/dynamodb_options.hpp>
#include <larder/cache_error.hpp>
#include <larder/detail/full_jitter.hpp>
#include <larder/hash.hpp>

namespace larder::detail {

/// Counts how often something was tried, and waits before it is tried again.
class DynamoDbRetries {
 public:
  DynamoDbRetries(const DynamoDbOptions& options, const Deadline& deadline)
      : options_(options), deadline_(deadline), jitter_(options.retry_base, options.retry_cap, make_hash_seed().left) {}

  /// Result: whether it may be tried again, now that a while has passed. Not beyond the deadline.
  bool wait() {
    if (++attempts_ >= options_.max_attempts) return false;
    const auto pause = jitter_.before(attempts_ + 1);
    if (pause >= deadline_.remaining()) return false;
    std::this_thread::sleep_for(pause);
    return true;
  }
  /// It went better than before.
  void note_progress() noexcept { attempts_ = 0; }

 private:
  const DynamoDbOptions& options_;
  const Deadline& deadline_;
  FullJitter jitter_;
  std::size_t attempts_ = 0;
};

/// Thread-safe. Messages of what it throws name the table and the server.
class DynamoDbClient {
 public:
  /// Whether a request may be sent a second time where its connection broke: reads may.
  enum class Repeat : bool { never, once };

  /// The options must stay where they are.
  explicit DynamoDbClient(const DynamoDbOptions& options)
      : options_(options),
        pool_(options.pool_size, [&options](const Deadline&) { return std::make_unique<HttpConnection>(options); }) {}

  /// Result: the reply to a request. A server that is too busy, or fails, is asked again, so often as the options say.
  /// \throws ConnectionError, TimeoutError, ProtocolError; ServerError with DynamoDB's own code for the error, or the
  /// HTTP status ("HTTP 502") where it gave none. A condition that does not hold any more when a request is repeated,
  /// which the server may have carried out, is no answer: then the error before it is thrown.
  DynamoDbReply call(std::string_view operation, std::string_view body, Repeat repeat, const Deadline& deadline) {
    DynamoDbRetries retries(options_, deadline);
    std::optional<ServerError> doubt;
    for (;;) {
      Answer answer = named([&] { return post(operation, body, repeat, deadline); });
      if (answer.status == 200) {
        answer.reply.doubt = std::move(doubt);
        return std::move(answer.reply);
      }
      const ServerError error = error_of(answer);
      if (doubt && error.code() == "ConditionalCheckFailedException") throw *doubt;
      if (answer.status >= 500) doubt = error;
      if (!may_pass(answer.status, error.code()) || !retries.wait()) throw error;
    }
  }

  /// Has every error name the table and the server.
  template <class Call>
  std::invoke_result_t<const Call&> named(const Call& call) const {
    try {
      return call();
    } catch (const ConnectionError& error) {
      throw ConnectionError(name() + error.what());
    } catch (const TimeoutError& error) {
      throw TimeoutError(name() + error.what());
    } catch (const ProtocolError& error) {
      throw ProtocolError(name() + error.what());
    }
  }

  std::string name() const { return "dynamodb " + options_.table + " at " + options_.url() + ": "; }

 private:
  using Lease = ConnectionPool<HttpConnection>::Lease;

  struct Answer {
    long status = 0;
    DynamoDbReply reply{};
  };

  Answer post(std::string_view operation, std::string_view body, Repeat repeat, const Deadline& deadline) {
    try {
      return post_once(operation, body, deadline);
    } catch (const ConnectionError&) {
      if (repeat == Repeat::never) throw;
    }
    return post_once(operation, body, deadline);
  }

  Answer post_once(std::string_view operation, std::string_view body, const Deadline& deadline) {
    Lease connection = pool_.lend(deadline);
    const HttpResponse response = connection->post(operation, body, deadline);
    Answer answer{.status = response.status};
    try {
      answer.reply = DynamoDbReply::parse(response.body);
    } catch (const ProtocolError&) {
      // Of an error, that is somebody in between, who says so in words of his own. Who talks like that is not talked to
      // again on this connection.
      if (response.status == 200) throw;
      return answer;
    }
    connection.give_back();
    return answer;
  }

  ServerError error_of(const Answer& answer) const {
    const std::string status = "HTTP " + std::to_string(answer.status);
    const std::string& error = answer.reply.error.empty() ? status : answer.reply.error;
    const std::string& message = answer.reply.message;
    return ServerError(error.substr(0, 100),
                       name() + error.substr(0, 100) + (message.empty() ? "" : ": ") + message.substr(0, 1000));
  }

  /// Whether the same request may do better a little later.
  static bool may_pass(long status, std::string_view code) noexcept {
    return status >= 500 || status == 429 || code == "ProvisionedThroughputExceededException" ||
           code == "ThrottlingException" || code == "RequestLimitExceeded" || code == "InternalServerError";
  }

  const DynamoDbOptions& options_;
  ConnectionPool<HttpConnection> pool_;
};

}  // namespace larder::detail
