/// \file dynamodb_benchmarks.cpp
/// DynamoDbBackend beside bare libcurl that sends the same requests, on one connection each.
#include <curl/curl.h>

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/backends/dynamodb_backend.hpp>

#include "remote_benchmarks.hpp"

namespace larder::bench {

namespace {

/// Signs and sends requests, and receives responses, which it does not look into.
class BareCurl {
 public:
  explicit BareCurl(const DynamoDbOptions& options) : handle_(curl_easy_init(), &curl_easy_cleanup) {
    const AwsCredentials credentials = options.credentials();
    set(CURLOPT_URL, (options.url() + "/").c_str());
    set(CURLOPT_AWS_SIGV4, ("aws:amz:" + options.region + ":dynamodb").c_str());
    set(CURLOPT_USERNAME, credentials.access_key_id.c_str());
    set(CURLOPT_PASSWORD, credentials.secret_access_key.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_WRITEFUNCTION, &BareCurl::take);
    set(CURLOPT_WRITEDATA, &body_);
  }

  const std::string& post(const std::string& operation, const std::string& request) {
    const std::string target = "X-Amz-Target: DynamoDB_20120810." + operation;
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
        curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/x-amz-json-1.0"), target.c_str()),
        &curl_slist_free_all);
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
    set(CURLOPT_POSTFIELDS, request.data());
    body_.clear();
    if (curl_easy_perform(handle_.get()) != CURLE_OK) throw std::runtime_error("curl cannot " + operation);
    return body_;
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(handle_.get(), option, value);
  }
  static std::size_t take(char* bytes, std::size_t, std::size_t size, void* body) {
    static_cast<std::string*>(body)->append(bytes, size);
    return size;
  }

  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle_;
  std::string body_;
};

/// Both, and the entries that they are asked for.
struct DynamoDb {
  static constexpr std::size_t keys_in_request = 100;

  explicit DynamoDb(DynamoDbOptions options)
      : backend(std::move(options)), requests(backend.options().table, true), curl(backend.options()) {
    for (std::size_t i = 0; i < remote_entries; ++i) {
      keys.push_back(remote_key(i));
      names.push_back(backend.options().prefix + keys.back());
    }
    views.assign(keys.begin(), keys.end());
    std::vector<std::pair<std::string_view, Bytes>> items;
    for (std::size_t i = 0; i < remote_entries; ++i) items.emplace_back(keys[i], Bytes(remote_value(i)));
    backend.set_many(items);
  }

  std::size_t bare_get(std::size_t index) {
    return is_answer(curl.post("GetItem", requests.get(names[index]))) ? remote_value_size : 0;
  }
  std::size_t bare_get_many(std::size_t index) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < remote_batch; i += keys_in_request) {
      const auto some = std::span<const std::string>(names).subspan(index + i, keys_in_request);
      const std::string request = requests.get_batch(some, detail::DynamoDbRequests::Parts::all);
      bytes += is_answer(curl.post("BatchGetItem", request)) ? keys_in_request * remote_value_size : 0;
    }
    return bytes;
  }
  static bool is_answer(const std::string& body) { return body.find("created_at") != std::string::npos; }

  DynamoDbBackend<> backend;
  detail::DynamoDbRequests requests;
  BareCurl curl;
  std::vector<std::string> keys;
  std::vector<std::string> names;
  std::vector<std::string_view> views;
  std::vector<std::optional<Bytes>> found = std::vector<std::optional<Bytes>>(remote_batch);
};

}  // namespace

std::vector<RemotePair> dynamodb_pairs(const std::string& url) {
  DynamoDbOptions options = DynamoDbOptions::from_url(url);
  options.pool_size = 1;
  const auto dynamodb = std::make_shared<DynamoDb>(std::move(options));
  std::vector<RemotePair> pairs;
  pairs.push_back({"dynamodb get / GetItem by bare libcurl", 200, 0,
                   [dynamodb](std::size_t i) { return dynamodb->backend.get(dynamodb->keys[i])->size(); },
                   [dynamodb](std::size_t i) { return dynamodb->bare_get(i); }});
  pairs.push_back({"dynamodb get_many of 1,000 / BatchGetItem by bare libcurl", 20, 1 / 1.2,
                   [dynamodb](std::size_t i) {
                     dynamodb->backend.get_many(
                         std::span<const std::string_view>(dynamodb->views).subspan(i, remote_batch),
                         std::span<std::optional<Bytes>>(dynamodb->found));
                     std::size_t bytes = 0;
                     for (const auto& value : dynamodb->found) bytes += value->size();
                     return bytes;
                   },
                   [dynamodb](std::size_t i) { return dynamodb->bare_get_many(i); }});
  return pairs;
}

}  // namespace larder::bench
