/// \file tls_session.hpp
/// TLS by OpenSSL, over bytes that somebody else sends and receives. The only file that includes OpenSSL's headers.
///
/// A session reads and writes memory alone, so that waiting, deadlines and SIGPIPE stay with the Socket.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include <larder/backends/tls_options.hpp>
#include <larder/cache_error.hpp>

namespace larder::detail {

/// Result: what OpenSSL has noted since it was last asked.
inline std::string tls_error_text() {
  std::string text;
  for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    text.append(text.empty() ? "" : ", ").append(reason != nullptr ? reason : "error " + std::to_string(error));
  }
  return text.empty() ? "unknown reason" : text;
}

/// What the sessions of a backend have in common: certificates and whom to trust. Any number of threads may make
/// sessions from one.
class TlsContext {
 public:
  /// \throws InvalidArgumentError if a file cannot be used.
  explicit TlsContext(const TlsOptions& options) : options_(options), context_(SSL_CTX_new(TLS_client_method())) {
    if (context_ == nullptr) throw std::bad_alloc();
    SSL_CTX* context = context_.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (options.ca_file.empty() && options.ca_folder.empty()) {
      require(SSL_CTX_set_default_verify_paths(context), "the system's authorities", "");
    }
    if (!options.ca_file.empty()) {
      require(SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr), "ca_file", options.ca_file);
    }
    if (!options.ca_folder.empty()) {
      require(SSL_CTX_load_verify_locations(context, nullptr, options.ca_folder.c_str()), "ca_folder",
              options.ca_folder);
    }
    if (!options.certificate_file.empty()) {
      require(SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()), "certificate_file",
              options.certificate_file);
    }
    if (!options.key_file.empty()) {
      require(SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM), "key_file",
              options.key_file);
      require(SSL_CTX_check_private_key(context), "key_file", options.key_file);
    }
  }

  const TlsOptions& options() const noexcept { return options_; }
  SSL_CTX* get() const noexcept { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };

  static void require(int succeeded, const char* option, const std::string& value) {
    if (succeeded != 1) {
      throw InvalidArgumentError(std::string("tls.") + option + " = \"" + value +
                                 "\" cannot be used: " + tls_error_text());
    }
  }

  TlsOptions options_;
  std::unique_ptr<SSL_CTX, Free> context_;
};

/// One connection's encryption. What is to be sent next is in `outgoing`, what came from the network goes into
/// `take_in`; neither waits.
class TlsSession {
 public:
  TlsSession(const TlsContext& context, const std::string& host) : session_(SSL_new(context.get())) {
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    if (session_ == nullptr || in == nullptr || out == nullptr) {
      BIO_free(in);
      BIO_free(out);
      throw std::bad_alloc();
    }
    SSL_set_bio(session_.get(), in, out);  // which owns them now
    SSL_set_connect_state(session_.get());
    const std::string& name = context.options().server_name.empty() ? host : context.options().server_name;
    if (!name.empty() || context.options().verify) expect_name(name);
  }

  /// Goes on with the handshake as far as what was taken in allows. Result: whether it is done.
  /// \throws ConnectionError if the two do not agree, or the certificate is not to be trusted.
  bool shake_hands() {
    ERR_clear_error();
    const int result = SSL_do_handshake(session_.get());
    if (result == 1) return true;
    if (SSL_get_error(session_.get(), result) == SSL_ERROR_WANT_READ) return false;
    const long verified = SSL_get_verify_result(session_.get());
    throw ConnectionError("TLS: " + (verified == X509_V_OK ? tls_error_text()
                                                           : std::string("the certificate is not trusted: ") +
                                                                 X509_verify_cert_error_string(verified)));
  }

  /// Encrypts a part of `bytes`. Result: how many, at least one.
  std::size_t encrypt(std::string_view bytes) {
    ERR_clear_error();
    std::size_t written = 0;
    const std::size_t most = std::min<std::size_t>(bytes.size(), std::size_t{1} << 16);
    if (SSL_write_ex(session_.get(), bytes.data(), most, &written) != 1) {
      throw ConnectionError("TLS: sending failed: " + tls_error_text());
    }
    return written;
  }

  /// Result: how many decrypted bytes were put into `buffer`; 0 if more must be taken in first.
  /// \throws ConnectionError if the other side has ended the session, or sent what makes no sense.
  std::size_t decrypt(std::span<char> buffer) {
    ERR_clear_error();
    std::size_t read = 0;
    if (SSL_read_ex(session_.get(), buffer.data(), buffer.size(), &read) == 1) return read;
    const int error = SSL_get_error(session_.get(), 0);
    if (error == SSL_ERROR_WANT_READ) return 0;
    if (error == SSL_ERROR_ZERO_RETURN) throw ConnectionError("the server closed the connection");
    throw ConnectionError("TLS: receiving failed: " + tls_error_text());
  }

  void take_in(std::span<const char> bytes) {
    std::size_t written = 0;
    if (BIO_write_ex(SSL_get_rbio(session_.get()), bytes.data(), bytes.size(), &written) != 1 ||
        written != bytes.size()) {
      throw std::bad_alloc();
    }
  }

  /// What is to be sent now; valid until the next call of another function.
  std::string_view outgoing() const noexcept {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(session_.get()), &data);
    return size > 0 ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
  }

  /// Forgets the first bytes of `outgoing`, which were sent.
  void sent(std::size_t bytes) noexcept {
    char discarded[4096];
    while (bytes > 0) {
      std::size_t read = 0;
      if (BIO_read_ex(SSL_get_wbio(session_.get()), discarded, std::min(bytes, sizeof(discarded)), &read) != 1) return;
      bytes -= read;
    }
  }

 private:
  struct Free {
    void operator()(SSL* session) const noexcept { SSL_free(session); }
  };

  /// The name or address that the certificate must bear; a name is also what the server is asked for.
  void expect_name(const std::string& name) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(session_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1) return;
    ERR_clear_error();
    SSL_set_hostflags(session_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (name.empty() || SSL_set1_host(session_.get(), name.c_str()) != 1 ||
        SSL_set_tlsext_host_name(session_.get(), name.c_str()) != 1) {
      throw ConnectionError("TLS: \"" + name + "\" is no name for a server");
    }
  }

  std::unique_ptr<SSL, Free> session_;
};

}  // namespace larder::detail
