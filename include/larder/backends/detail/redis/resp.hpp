/// \file resp.hpp
/// Replies of a Redis server, by hiredis's reader. The only file that includes hiredis's headers.
///
/// What a reply may be is limited before memory is taken for it: hiredis itself limits nothing.
#pragma once

#include <hiredis/read.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <larder/bytes.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// One reply, or an element of one.
struct Reply {
  enum class Type : unsigned char { nil, status, error, integer, bulk, array };

  Type type = Type::nil;
  long long integer = 0;
  /// Of a status, an error or a bulk string.
  Bytes text{};
  std::vector<Reply> elements{};

  bool is(Type wanted) const noexcept { return type == wanted; }
};

/// A reply has more bytes than it may have, be they ever so well-formed.
class ReplyTooLarge : public ProtocolError {
 public:
  using ProtocolError::ProtocolError;
};

/// What a reply may be at most.
struct ReplyLimits {
  std::size_t bytes = std::size_t{64} << 20;
  std::size_t elements = std::size_t{1} << 20;
  /// A status, an error, or the head of anything else.
  std::size_t line = std::size_t{64} << 10;
};

/// Makes replies out of bytes, in whatever pieces these come. After it has thrown, it is of no more use.
class ReplyReader {
 public:
  explicit ReplyReader(const ReplyLimits& limits) : limits_(limits), functions_(make_functions()) {
    reader_.reset(redisReaderCreateWithFunctions(&functions_));
    if (reader_ == nullptr) throw std::bad_alloc();
    reader_->privdata = this;
    reader_->maxbuf = std::size_t{1} << 18;  // a buffer that is kept between replies saves its growing again
  }
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes) {
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) throw_error();
    fed_ += bytes.size();
  }

  /// The next replies may have so many elements, if that is less than the limits say: somebody knows what they must be.
  void expect_elements(std::size_t most) noexcept { most_elements_ = std::min(most, limits_.elements); }

  /// Result: the next reply, or nothing until more is fed. \throws ProtocolError, std::bad_alloc.
  std::optional<Reply> next() {
    void* done = nullptr;
    if (redisReaderGetReply(reader_.get(), &done) != REDIS_OK) throw_error();
    if (done == nullptr) {
      check_the_rest();
      return std::nullopt;
    }
    const std::uint64_t end = fed_ - in_buffer();
    if (end - begun_at_ > limits_.bytes) throw ReplyTooLarge(too_many_bytes);
    begun_at_ = end;
    elements_ = 0;
    return std::exchange(root_, Reply());
  }

  /// Result: how many bytes were fed that belong to no reply that was taken.
  std::size_t unread() const noexcept { return static_cast<std::size_t>(fed_ - begun_at_); }

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
  };

  /// The two have other parameters in other versions of hiredis, which these adopt.
  static redisReplyObjectFunctions make_functions() {
    redisReplyObjectFunctions functions{};
    functions.createString = &ReplyReader::create_text;
    functions.createArray = &ReplyReader::create_array;
    functions.createInteger = &ReplyReader::create_integer;
    functions.createNil = &ReplyReader::create_nil;
    functions.freeObject = &ReplyReader::free_object;
    return functions;
  }

  static ReplyReader& of(const redisReadTask* task) noexcept { return *static_cast<ReplyReader*>(task->privdata); }

  /// Where the reply goes that a task is about, empty so far: the root, or the next one of its parent's elements.
  static Reply& place(const redisReadTask* task) {
    if (task->parent == nullptr) return of(task).root_;
    // The elements before this one are whole, so nothing of hiredis's points to them any more, and they may move.
    return static_cast<Reply*>(task->parent->obj)->elements.emplace_back();
  }

  static void* create_text(const redisReadTask* task, char* text, std::size_t size) noexcept {
    ReplyReader& reader = of(task);
    // hiredis steps over whatever stands where a bulk string must end.
    if (task->type == REDIS_REPLY_STRING && (text[size] != '\r' || text[size + 1] != '\n')) {
      return reader.refuse("a bulk string is longer than it says");
    }
    try {
      Reply& reply = place(task);
      reply.type = task->type == REDIS_REPLY_ERROR    ? Reply::Type::error
                   : task->type == REDIS_REPLY_STATUS ? Reply::Type::status
                                                      : Reply::Type::bulk;
      reply.text = Bytes(text, size);
      return &reply;
    } catch (...) {
      return nullptr;
    }
  }

  template <class Count>
  static void* create_array(const redisReadTask* task, Count count) noexcept {
    ReplyReader& reader = of(task);
    const auto size = static_cast<std::size_t>(count);
    reader.elements_ += size;
    if (size > reader.most_elements_ || reader.elements_ > reader.most_elements_) {
      return reader.refuse("an array has too many elements");
    }
    try {
      Reply& reply = place(task);
      reply.type = Reply::Type::array;
      reply.elements.reserve(std::min(size, believed_elements));
      return &reply;
    } catch (...) {
      return nullptr;
    }
  }

  static void* create_integer(const redisReadTask* task, long long value) noexcept {
    try {
      Reply& reply = place(task);
      reply.type = Reply::Type::integer;
      reply.integer = value;
      return &reply;
    } catch (...) {
      return nullptr;
    }
  }

  static void* create_nil(const redisReadTask* task) noexcept {
    try {
      return &place(task);
    } catch (...) {
      return nullptr;
    }
  }

  /// A part belongs to its root, and the root to the reader.
  static void free_object(void*) noexcept {}

  /// hiredis takes a null for a failed allocation, and ends.
  void* refuse(const char* why) noexcept {
    refusal_ = why;
    return nullptr;
  }

  /// How many bytes hiredis has not looked at, or will look at again.
  std::size_t in_buffer() const noexcept { return reader_->len - reader_->pos; }

  [[noreturn]] void throw_error() const {
    if (refusal_ != nullptr) throw ProtocolError(refusal_);
    if (reader_->err == REDIS_ERR_OOM) throw std::bad_alloc();
    throw ProtocolError(reader_->errstr);
  }

  /// Sees to it that what is still to come may come.
  void check_the_rest() const {
    if (fed_ - begun_at_ > limits_.bytes) throw ReplyTooLarge(too_many_bytes);
    if (in_buffer() == 0) return;
    const std::string_view rest(reader_->buf + reader_->pos, in_buffer());
    const std::size_t head = rest.find("\r\n");
    if (head == std::string_view::npos || awaited_type(*reader_) != REDIS_REPLY_STRING) {
      if (rest.size() > limits_.line) throw ProtocolError("a line does not end");
      return;
    }
    // The length of a bulk string, which hiredis has found to be a number.
    std::size_t announced = 0;
    for (const char digit : rest.substr(0, head)) {
      announced = announced * 10 + static_cast<std::size_t>(digit - '0');
      if (digit < '0' || digit > '9' || announced > limits_.bytes) throw ReplyTooLarge(too_many_bytes);
    }
  }

  /// Result: the type of what the reader is in the middle of.
  template <class Reader>
  static int awaited_type(const Reader& reader) noexcept {
    if (reader.ridx < 0) return 0;
    if constexpr (requires { reader.rstack[0].type; }) {
      return reader.rstack[reader.ridx].type;
    } else {
      return reader.task[reader.ridx]->type;
    }
  }

  /// Room for so many elements is made when they are announced; for more, when they come.
  static constexpr std::size_t believed_elements = 1024;
  static constexpr const char* too_many_bytes = "a reply has too many bytes (max_reply_bytes)";

  ReplyLimits limits_;
  redisReplyObjectFunctions functions_;
  std::unique_ptr<redisReader, Free> reader_;
  Reply root_;
  std::uint64_t fed_ = 0;
  std::uint64_t begun_at_ = 0;  // where, among the bytes that were fed, the present reply begins
  std::size_t elements_ = 0;    // of the present reply
  std::size_t most_elements_ = limits_.elements;
  const char* refusal_ = nullptr;
};

}  // namespace larder::detail
