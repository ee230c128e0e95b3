/// \file resp_fuzz.cpp
/// Any bytes from a Redis server, in whatever pieces they come: the same replies, within the limits, and the same end.
#include <larder/backends/detail/redis/resp.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/input.hpp"

using larder::detail::Reply;
using larder_tests::FuzzInput;
using larder_tests::require;

namespace {

constexpr larder::detail::ReplyLimits limits{.bytes = 2048, .elements = 64, .line = 128};

/// A reply as text, and what it amounts to.
void describe(const Reply& reply, std::string& text, std::size_t& bytes, std::size_t& elements) {
  text.append(std::to_string(static_cast<int>(reply.type))).append(":").append(std::to_string(reply.integer));
  text.append(":").append(std::string_view(reply.text)).append("(");
  bytes += reply.text.size();
  elements += reply.elements.size();
  for (const Reply& each : reply.elements) describe(each, text, bytes, elements);
  text.append(")");
}

/// All replies there are, as text, and how they end.
std::string read(std::string_view bytes, const std::vector<std::size_t>& pieces) {
  larder::detail::ReplyReader reader(limits);
  std::string text;
  const auto take_all = [&] {
    while (const auto reply = reader.next()) {
      std::size_t size = 0;
      std::size_t elements = 0;
      describe(*reply, text, size, elements);
      require(size <= limits.bytes && elements <= limits.elements, "a reply is within the limits");
    }
  };
  try {
    for (std::size_t i = 0; !bytes.empty(); ++i) {
      const std::size_t size = i < pieces.size() ? std::min(pieces[i], bytes.size()) : bytes.size();
      reader.feed(bytes.substr(0, size));
      bytes.remove_prefix(size);
      take_all();
    }
  } catch (const larder::ProtocolError&) {
    return text + "refused";
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  std::vector<std::size_t> pieces(input.below(16));
  for (std::size_t& piece : pieces) piece = 1 + input.below(40);
  const std::string_view rest = input.rest();
  const std::string whole = read(rest, {});
  const std::string in_pieces = read(rest, pieces);
  // What comes in pieces may be refused sooner: where a line has no end yet.
  const bool same = whole == in_pieces ||
                    (in_pieces.ends_with("refused") && whole.starts_with(in_pieces.substr(0, in_pieces.size() - 7)));
  require(same, "pieces make no difference");
  return 0;
}
