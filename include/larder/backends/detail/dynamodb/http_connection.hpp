/// \file http_connection.hpp
/// HttpConnection: requests to a DynamoDB server, signed (AWS Signature Version 4) and sent by libcurl.
#pragma once

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <larder/backends/detail/deadline.hpp>
#include <larder/backends/dynamodb_options.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

struct HttpResponse {
  long status = 0;
  std::string body{};
};

/// Keeps SIGPIPE from the process while it lives: libcurl lets OpenSSL write to a socket that may be broken, and
/// ignores the signal only where it may change the handlers of the whole process.
class SigpipeGuard {
 public:
  SigpipeGuard() noexcept {
    sigset_t pending;
    ::sigemptyset(&pending);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::sigemptyset(&blocked_);
    ::sigaddset(&blocked_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &blocked_, &before_);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  ~SigpipeGuard() {
    constexpr timespec at_once{};
    if (!was_pending_) ::sigtimedwait(&blocked_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t blocked_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

/// One of libcurl's handles with the connection that it keeps. For one thread at a time.
class HttpConnection {
 public:
  /// Connects to nobody yet. The options must outlive it.
  explicit HttpConnection(const DynamoDbOptions& options)
      : options_(options), url_(options.url() + "/"), handle_(make_handle(), &curl_easy_cleanup) {
    if (handle_ == nullptr) throw std::bad_alloc();
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_WRITEFUNCTION, &HttpConnection::take_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &HttpConnection::take_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_PREREQFUNCTION, &HttpConnection::may_send);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_SSL_VERIFYPEER, options.verify ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, options.verify ? 2L : 0L);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_AWS_SIGV4, ("aws:amz:" + options.region + ":dynamodb").c_str());
  }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// libcurl looks itself whether the connection is still open.
  static bool is_usable() noexcept { return true; }

  /// Sends a request, once, and receives all of its response, whatever its status.
  /// \throws ConnectionError, TimeoutError, ProtocolError; InvalidArgumentError about the credentials, and what their
  /// source throws.
  HttpResponse post(std::string_view operation, std::string_view body, const Deadline& deadline) {
    const AwsCredentials credentials = options_.credentials();
    Headers headers;
    headers.add("Content-Type: application/x-amz-json-1.0");
    headers.add("X-Amz-Target: DynamoDB_20120810." + std::string(operation));
    if (!credentials.session_token.empty()) headers.add("X-Amz-Security-Token: " + credentials.session_token);
    set(CURLOPT_USERNAME, credentials.access_key_id.c_str());
    set(CURLOPT_PASSWORD, credentials.secret_access_key.c_str());
    set(CURLOPT_HTTPHEADER, headers.list());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.data());
    const long left = std::max(1, deadline.poll_milliseconds());
    if (deadline.has_passed()) time_out(deadline);
    set(CURLOPT_TIMEOUT_MS, left);
    set(CURLOPT_CONNECTTIMEOUT_MS, std::min<long>(left, milliseconds(options_.connect_timeout)));
    response_ = {};
    header_bytes_ = 0;
    too_large_ = false;
    was_sent_ = false;
    const SigpipeGuard guard;
    const CURLcode code = curl_easy_perform(handle_.get());
    // Nothing of the caller's may be looked at again, whatever comes.
    set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    set(CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
    throw_if_failed(code, deadline);
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &response_.status);
    return std::move(response_);
  }

 private:
  static constexpr std::size_t most_header_bytes = std::size_t{64} << 10;

  class Headers {
   public:
    Headers() = default;
    Headers(const Headers&) = delete;
    Headers& operator=(const Headers&) = delete;
    ~Headers() { curl_slist_free_all(list_); }
    void add(const std::string& line) {
      curl_slist* longer = curl_slist_append(list_, line.c_str());
      if (longer == nullptr) throw std::bad_alloc();
      list_ = longer;
    }
    curl_slist* list() const noexcept { return list_; }

   private:
    curl_slist* list_ = nullptr;
  };

  static CURL* make_handle() {
    static const CURLcode is_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (is_ready != CURLE_OK) throw ConnectionError(std::string("libcurl: ") + curl_easy_strerror(is_ready));
    return curl_easy_init();
  }

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLE_OK) throw ConnectionError(std::string("libcurl: ") + curl_easy_strerror(code));
  }

  static long milliseconds(std::chrono::milliseconds time) noexcept {
    return static_cast<long>(std::clamp<std::chrono::milliseconds::rep>(time.count(), 1, 0x7fffffff));
  }

  /// libcurl would send a request a second time where the connection, used before, ends without an answer to it. But a
  /// write may have been carried out, and what came in between would be lost.
  static int may_send(void* self, char*, char*, int, int) {
    return std::exchange(static_cast<HttpConnection*>(self)->was_sent_, true) ? CURL_PREREQFUNC_ABORT
                                                                              : CURL_PREREQFUNC_OK;
  }

  static std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* self) {
    return static_cast<HttpConnection*>(self)->take({bytes, size});
  }
  /// libcurl keeps none of them.
  static std::size_t take_header(char*, std::size_t, std::size_t size, void* self) {
    auto& connection = *static_cast<HttpConnection*>(self);
    connection.header_bytes_ += size;
    connection.too_large_ = connection.header_bytes_ > most_header_bytes;
    return connection.too_large_ ? 0 : size;
  }
  std::size_t take(std::string_view bytes) noexcept {
    too_large_ = bytes.size() > options_.max_reply_bytes - response_.body.size();
    if (too_large_) return 0;
    try {
      response_.body.append(bytes);
    } catch (...) {  // which must not pass through libcurl
      return 0;
    }
    return bytes.size();
  }

  [[noreturn]] static void time_out(const Deadline& deadline) {
    throw TimeoutError("no answer within " + std::to_string(deadline.timeout().count()) + " ms");
  }

  void throw_if_failed(CURLcode code, const Deadline& deadline) const {
    switch (code) {
      case CURLE_OK: return;
      case CURLE_OUT_OF_MEMORY: throw std::bad_alloc();
      case CURLE_OPERATION_TIMEDOUT: time_out(deadline);
      case CURLE_WRITE_ERROR:
        if (!too_large_) throw std::bad_alloc();
        throw ProtocolError("a response of more than " + std::to_string(options_.max_reply_bytes) +
                            " bytes (max_reply_bytes), or of more than " + std::to_string(most_header_bytes) +
                            " in its head");
      case CURLE_ABORTED_BY_CALLBACK: throw ConnectionError("the connection ended without an answer");
      case CURLE_WEIRD_SERVER_REPLY:
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_BAD_CONTENT_ENCODING: throw ProtocolError(curl_easy_strerror(code));
      default: throw ConnectionError(curl_easy_strerror(code));
    }
  }

  const DynamoDbOptions& options_;
  const std::string url_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  bool too_large_ = false;
  bool was_sent_ = false;
};

}  // namespace larder::detail
