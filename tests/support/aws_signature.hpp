/// \file aws_signature.hpp
/// AWS Signature Version 4, computed from what a request says, to see whether it is signed as it should be.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace larder_tests {

inline std::string sha256_hex(std::string_view text);

/// Of a request for the path `/` without a query.
struct AwsSignature {
  std::string secret;
  std::string date;  ///< `20150830`
  std::string time;  ///< `20150830T123600Z`
  std::string region;
  std::string service;

  static std::string hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
      constexpr std::string_view digits = "0123456789abcdef";
      text += digits[static_cast<unsigned char>(byte) >> 4U];
      text += digits[static_cast<unsigned char>(byte) & 15U];
    }
    return text;
  }

  static std::string hmac(std::string_view key, std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), digest, &size);
    return {reinterpret_cast<const char*>(digest), size};
  }

  std::string scope() const { return date + "/" + region + "/" + service + "/aws4_request"; }
  std::string signing_key() const {
    return hmac(hmac(hmac(hmac("AWS4" + secret, date), region), service), "aws4_request");
  }

  /// `headers` are those that are signed, with names in lower case and values without spaces around them.
  std::string sign(const std::string& method, const std::map<std::string, std::string>& headers, std::string_view body,
                   const std::string& query = "") const {
    std::string canonical = method + "\n/\n" + query + "\n";
    std::string names;
    for (const auto& [name, value] : headers) {
      canonical += name + ":" + value + "\n";
      names += (names.empty() ? "" : ";") + name;
    }
    canonical += "\n" + names + "\n" + sha256_hex(body);
    const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope() + "\n" + sha256_hex(canonical);
    return hex(hmac(signing_key(), to_sign));
  }
};

inline std::string sha256_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return AwsSignature::hex({reinterpret_cast<const char*>(digest), size});
}

}  // namespace larder_tests
