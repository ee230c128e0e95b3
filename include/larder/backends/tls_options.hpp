/// \file tls_options.hpp
/// TlsOptions: how a backend's connections are encrypted, and whom they trust.
#pragma once

#include <string>

#include <larder/backends/detail/url.hpp>

namespace larder {

/// Off unless `enabled`. The server's certificate is verified, its name included, unless `verify` says otherwise.
struct TlsOptions {
  bool enabled = false;
  /// Whether a server must prove who it is. Without, whoever sits in between can read and change everything.
  bool verify = true;
  /// The authorities to trust, as a PEM file or a folder of them; both empty means those of the system.
  std::string ca_file{};
  std::string ca_folder{};
  /// The name that the server's certificate must bear, and that it is asked for (SNI); empty means the host.
  std::string server_name{};
  /// Who we are, where the server wants to know: PEM files.
  std::string certificate_file{};
  std::string key_file{};

  /// Sets the option that a URL's query names. Result: whether there is one. \throws InvalidArgumentError.
  bool set_from_url(const std::string& name, const std::string& value) {
    if (name == "verify") {
      verify = detail::Url::flag(name, value);
    } else if (name == "ca_file") {
      ca_file = value;
    } else if (name == "ca_folder") {
      ca_folder = value;
    } else if (name == "server_name") {
      server_name = value;
    } else if (name == "certificate_file") {
      certificate_file = value;
    } else if (name == "key_file") {
      key_file = value;
    } else {
      return false;
    }
    return true;
  }
};

}  // namespace larder
